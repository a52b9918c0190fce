/**
 * nginx with WebDAV PUT, from the Debian package: native code, one process, no sync, no hash. Nothing that promises
 * durability can be expected to reach it; it says what the machine can do.
 */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

export const NGINX = '/usr/sbin/nginx'

/** Installs nginx where it is missing and can be; says loudly when there is none to measure against. */
export function ensureNginx(): boolean {
  if (!existsSync(NGINX)) {
    console.log('nginx is missing: apt-get install nginx-light')
    const install = ['install', '--yes', '--no-install-recommends', 'nginx-light']
    if (spawnSync('apt-get', install).status !== 0) {
      spawnSync('apt-get', ['update'])
      spawnSync('apt-get', install)
    }
  }
  // nginx prints its build options on stderr.
  const hasDav = spawnSync(NGINX, ['-V']).stderr?.toString().includes('http_dav_module') ?? false
  if (!hasDav) {
    console.error(
      '!! No nginx with WebDAV could be installed. It is LEFT OUT: nothing is compared with it.',
    )
  }
  return hasDav
}

export interface NginxPlace {
  readonly directory: string
  readonly port: number
  /** How much of a body nginx gathers before it writes; 16 KiB where nothing is set, and that limits it. */
  readonly bodyBuffer: string
}

/** Everything nginx writes stays in `directory`, on one filesystem, so that a finished body is renamed into place. */
export function nginxConfig({ directory, port, bodyBuffer }: NginxPlace): string {
  const unused = ['proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    module => `  ${module}_temp_path ${directory}/temp;`,
  )
  return `
daemon off;
master_process off;
pid ${directory}/pid;
error_log ${directory}/error.log warn;
events { worker_connections 1024; }
http {
  access_log off;
  client_max_body_size 0;
  client_body_buffer_size ${bodyBuffer};
  client_body_temp_path ${directory}/temp;
${unused.join('\n')}
  keepalive_requests 1000000;
  server {
    listen 127.0.0.1:${port};
    root ${directory}/data;
    location / {
      dav_methods PUT;
      create_full_put_path on;
    }
  }
}
`
}
