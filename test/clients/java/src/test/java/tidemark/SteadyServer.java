package tidemark;

import com.google.cloud.storage.Storage;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** For tests that share a server that stays up: each class has its own. */
abstract class SteadyServer {
  @TempDir static Path folder;
  static Tidemark server;
  static Storage storage;

  @BeforeAll
  static void startServer() {
    server = new Tidemark(folder);
    server.start();
    storage = Client.at(server.url);
  }

  @AfterAll
  static void stopServer() {
    server.close();
  }
}
