package tidemark;

import static tidemark.Client.MIB;
import static tidemark.Client.named;

import com.google.cloud.storage.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** For tests that break something: each has a server of its own to kill, and a network of its own to cut. */
abstract class BadNetwork {
  static final byte[] CONTENT = Content.ofLength(5 * MIB + 54_321);
  /** What requests and their headers may add to the bytes of the content. */
  static final int OVERHEAD = 50_000;

  @TempDir Path folder;
  Tidemark server;
  Proxy network;
  /** At the server itself. */
  Storage storage;

  @BeforeEach
  void start() {
    server = new Tidemark(folder);
    server.start();
    network = new Proxy(server.port);
    storage = Client.at(server.url);
  }

  @AfterEach
  void stop() {
    network.close();
    server.close();
  }

  /** One PUT, with the whole file. */
  void createFromPath(Storage client, String name) throws IOException {
    client.createFrom(named(name), Files.write(folder.resolve("content"), CONTENT));
  }
}
