package tidemark;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The program as people run it, in a process of its own on a free loopback port, over a data directory that outlives it.
 * Start and kill (−9) it as often as you like: port and data stay the same.
 */
final class Tidemark implements AutoCloseable {
  private static final Path ROOT = Path.of("").toAbsolutePath().resolve("../../..").normalize();
  private static final int START_UP_MS = 60_000;

  final Path data;
  final int port = freePort();
  final String url = "http://127.0.0.1:" + port;
  private final Path output;
  private final Thread lastResort = new Thread(this::kill);
  private Process process;

  Tidemark(Path folder) {
    data = folder.resolve("data");
    output = folder.resolve("server.log");
    Runtime.getRuntime().addShutdownHook(lastResort);
  }

  void start() {
    start(Map.of());
  }

  /** With further settings, for this life only. */
  void start(Map<String, String> settings) {
    try {
      process = launch(settings);
      long deadline = System.nanoTime() + START_UP_MS * 1_000_000L;
      while (!answers()) {
        if (!process.isAlive() || System.nanoTime() > deadline) {
          throw new IllegalStateException("the server did not start:\n" + log());
        }
        Thread.sleep(20);
      }
    } catch (IOException | InterruptedException error) {
      throw new IllegalStateException(error);
    }
  }

  /** kill −9: nothing is said to anybody. Returns when the process is gone. */
  void kill() {
    if (process != null) process.destroyForcibly().onExit().join();
  }

  void restart() {
    kill();
    start();
  }

  /** What it has written over all its lives. */
  String log() {
    try {
      return Files.readString(output);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  @Override
  public void close() {
    kill();
    Runtime.getRuntime().removeShutdownHook(lastResort);
  }

  private Process launch(Map<String, String> settings) throws IOException {
    String pinned = ROOT.resolve("node_modules/.bin/node").toString();
    String node = System.getenv().getOrDefault("NODE", pinned);
    ProcessBuilder builder = new ProcessBuilder(node, ROOT.resolve("src/main.ts").toString());
    Map<String, String> environment = builder.environment();
    environment.keySet().retainAll(Set.of("PATH"));
    environment.put("TIDEMARK_PORT", "" + port);
    environment.put("TIDEMARK_DATA_DIR", data.toString());
    environment.putAll(settings);
    return builder
        .redirectInput(new File("/dev/null"))
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(output.toFile()))
        .start();
  }

  private boolean answers() {
    try {
      HttpURLConnection livez =
          (HttpURLConnection) URI.create(url + "/-/livez").toURL().openConnection();
      livez.setReadTimeout(1000);
      return livez.getResponseCode() == 200;
    } catch (IOException error) {
      return false;
    }
  }

  /**
   * Outside the range that the system takes from for outgoing connections: one of them could sit on a killed server's port.
   */
  private static int freePort() {
    while (true) {
      int port = ThreadLocalRandom.current().nextInt(12_000, 32_000);
      try (ServerSocket probe = new ServerSocket()) {
        probe.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        return port;
      } catch (IOException taken) {
        // Another one, then.
      }
    }
  }
}
