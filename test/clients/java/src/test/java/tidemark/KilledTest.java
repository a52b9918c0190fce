package tidemark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static tidemark.Client.GRANULE;
import static tidemark.Client.MIB;
import static tidemark.Client.assertFails;
import static tidemark.Client.assertRefused;
import static tidemark.Client.assertStored;
import static tidemark.Client.named;
import static tidemark.Client.stubbornAt;
import static tidemark.Client.write;

import com.google.cloud.WriteChannel;
import com.google.cloud.storage.Storage;
import com.google.cloud.storage.Storage.BlobWriteOption;
import com.google.cloud.storage.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Uploads to a server that is killed, full, or has lost its data. */
class KilledTest extends BadNetwork {
  @Test
  void killedBetweenChunks() throws IOException {
    try (WriteChannel writer = storage.writer(named("between.bin"))) {
      writer.setChunkSize(MIB);
      write(writer, CONTENT, 0, 2 * MIB);
      server.restart();
      write(writer, CONTENT, 2 * MIB, CONTENT.length);
    }
    assertStored(storage, "between.bin", CONTENT);
  }

  @Test
  void killedInTheMiddleOfAChunk() throws IOException {
    network.cutAfter(3 * MIB + MIB / 2, server::restart);
    Client.upload(Client.at(network.url), "killed.bin", CONTENT, MIB);
    assertEquals(1, network.cuts());
    assertTrue(network.uploaded() < CONTENT.length + MIB + OVERHEAD, "no acknowledged byte was lost");
    assertStored(storage, "killed.bin", CONTENT);
  }

  @Test
  void killedInTheMiddleOfOnePut() throws IOException {
    network.cutAfter(4 * MIB + 100_000, server::restart);
    createFromPath(Client.at(network.url), "killed.bin");
    assertEquals(1, network.cuts());
    assertStored(storage, "killed.bin", CONTENT);
  }

  @Test
  void killedBeforeTheLastAnswerArrived() throws IOException {
    network.loseAnswerAfter(CONTENT.length);
    WriteChannel writer = stubbornAt(network.url).writer(named("answered.bin"));
    writer.setChunkSize(MIB);
    write(writer, CONTENT, 0, CONTENT.length);
    CompletableFuture<Void> restarted =
        CompletableFuture.runAsync(
            () -> {
              while (network.cuts() == 0) sleep(20);
              server.restart();
            });
    writer.close();
    restarted.join();
    assertStored(storage, "answered.bin", CONTENT);
  }

  /** The kills fall anywhere: in a chunk, in an answer, in the start of a session. */
  @Test
  void killedAgainAndAgainWhileDataFlows() throws IOException {
    Random moments = new Random(9);
    CompletableFuture<Void> kills =
        CompletableFuture.runAsync(
            () -> {
              for (int i = 0; i < 6; i++) {
                sleep(50 + moments.nextInt(300));
                server.restart();
              }
            });
    Storage client = stubbornAt(server.url);
    List<String> names = new ArrayList<>();
    while (!kills.isDone()) {
      String name = names.size() + ".bin";
      names.add(name);
      // With the precondition the start of the session, too, is tried again.
      try (WriteChannel writer = client.writer(named(name), BlobWriteOption.doesNotExist())) {
        writer.setChunkSize(GRANULE);
        write(writer, CONTENT, 0, CONTENT.length);
      }
    }
    kills.join();
    for (String name : names) assertStored(storage, name, CONTENT);
  }

  /** A disk without room is a 503, and the upload waits until there is some again. */
  @Test
  void aFullDisk() throws IOException {
    WriteChannel writer = stubbornAt(server.url).writer(named("full.bin"));
    writer.setChunkSize(MIB);
    write(writer, CONTENT, 0, MIB);
    server.kill();
    server.start(Map.of("TIDEMARK_RESERVE", "5TiB"));
    CompletableFuture<Void> madeRoom =
        CompletableFuture.runAsync(
            () -> {
              while (!server.log().contains("\"status\":503")) sleep(20);
              server.restart();
            });
    write(writer, CONTENT, MIB, CONTENT.length);
    writer.close();
    madeRoom.join();
    assertStored(storage, "full.bin", CONTENT);
  }

  /** The server was set back to a copy of its data: the client must not be made to try this again and again. */
  @Test
  void aServerThatHasLessThanItAcknowledged() throws IOException {
    WriteChannel writer = storage.writer(named("set-back.bin"));
    writer.setChunkSize(MIB);
    write(writer, CONTENT, 0, MIB);
    server.kill();
    Path copy = folder.resolve("copy");
    copy(server.data, copy);
    server.start();
    write(writer, CONTENT, MIB, 2 * MIB);
    server.kill();
    delete(server.data);
    copy(copy, server.data);
    server.start();
    StorageException loss = assertFails(() -> write(writer, CONTENT, 2 * MIB, CONTENT.length));
    assertEquals("dataLoss", loss.getReason());
    assertTrue(
        loss.getMessage()
            .contains(
                "the upload offset is 2097152 byte(s), which exceeds already uploaded size of"
                    + " 1048576 byte(s)."),
        loss.getMessage());
  }

  @Test
  void aServerThatHasLostEverything() throws IOException {
    WriteChannel writer = storage.writer(named("forgotten.bin"));
    writer.setChunkSize(MIB);
    write(writer, CONTENT, 0, MIB);
    server.kill();
    delete(server.data);
    server.start();
    assertRefused(404, () -> write(writer, CONTENT, MIB, CONTENT.length));
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> paths = Files.walk(from)) {
      for (Path path : paths.toList()) Files.copy(path, to.resolve(from.relativize(path)));
    }
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> paths = Files.walk(directory)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  private static void sleep(int ms) {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException error) {
      throw new IllegalStateException(error);
    }
  }
}
