#!/bin/sh
#
# One process in an image's unpacked root, as a container engine starts one: process 1 of its own process namespace, a root that
# cannot be written, one volume, an uid of its own without capabilities, and only the environment it is given. Run as root by
# `unshare --mount --pid --fork`, so that whatever is mounted here goes with the process.
#
#   enter.sh ROOT VOLUME UID WORKDIR NAME=VALUE... COMMAND...        VOLUME becomes /data

set -eu
root=$1 volume=$2 uid=$3 workdir=$4
shift 4

mount --make-rprivate /
mount --bind "$root" "$root"
mount --bind "$volume" "$root/data"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -o remount,bind,ro "$root"

exec setpriv --no-new-privs chroot --userspec="$uid:$uid" --groups= "$root" \
  /bin/sh -c 'cd "$1" && shift && exec env -i "$@"' sh "$workdir" "$@"
