package tidemark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static tidemark.Client.BUCKET;
import static tidemark.Client.MIB;
import static tidemark.Client.assertFails;
import static tidemark.Client.assertStored;
import static tidemark.Client.named;
import static tidemark.Client.stubbornAt;
import static tidemark.Client.write;

import com.google.cloud.WriteChannel;
import com.google.cloud.storage.BlobId;
import com.google.cloud.storage.Storage;
import com.google.cloud.storage.Storage.BlobTargetOption;
import com.google.cloud.storage.Storage.BlobWriteOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Uploads over a bad network: this client asks how far the server got (a query), and goes on from there by itself, unless the
 * bytes that it would have to send again are gone.
 */
class CutTest extends BadNetwork {
  @Test
  void cutInTheMiddleOfAChunk() throws IOException {
    network.cutAfter(3 * MIB + MIB / 2);
    Client.upload(Client.at(network.url), "cut.bin", CONTENT, MIB);
    assertEquals(1, network.cuts());
    assertTrue(network.uploaded() < CONTENT.length + MIB + OVERHEAD, "at most a chunk came twice");
    assertStored(storage, "cut.bin", CONTENT);
  }

  @Test
  void cutInOnePut() throws IOException {
    network.cutAfter(4 * MIB + 100_000);
    createFromPath(Client.at(network.url), "put.bin");
    assertEquals(1, network.cuts());
    assertStored(storage, "put.bin", CONTENT);
  }

  @Test
  void cutInTheLastChunk() throws IOException {
    network.cutAfter(CONTENT.length - 10_000);
    Client.upload(Client.at(network.url), "last.bin", CONTENT, MIB);
    assertEquals(1, network.cuts());
    assertStored(storage, "last.bin", CONTENT);
  }

  @Test
  void cutManyTimes() throws IOException {
    try (WriteChannel writer = stubbornAt(network.url).writer(named("often.bin"))) {
      writer.setChunkSize(MIB);
      for (int from = 0; from < CONTENT.length; from += MIB) {
        network.cutAfter(700_000);
        write(writer, CONTENT, from, Math.min(from + MIB, CONTENT.length));
      }
    }
    assertTrue(network.cuts() >= 5);
    assertStored(storage, "often.bin", CONTENT);
  }

  @Test
  void theAnswerToAChunkIsLost() throws IOException {
    try (WriteChannel writer = Client.at(network.url).writer(named("lost-answer.bin"))) {
      writer.setChunkSize(MIB);
      write(writer, CONTENT, 0, MIB);
      network.loseAnswerAfter(MIB);
      write(writer, CONTENT, MIB, CONTENT.length);
    }
    assertEquals(1, network.cuts());
    assertTrue(network.uploaded() < CONTENT.length + OVERHEAD, "the chunk did not come twice");
    assertStored(storage, "lost-answer.bin", CONTENT);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void theLastAnswerIsLost(boolean isOnePut) throws IOException {
    Storage client = Client.at(network.url);
    network.loseAnswerAfter(CONTENT.length);
    if (isOnePut) createFromPath(client, "last-answer.bin");
    else Client.upload(client, "last-answer.bin", CONTENT, MIB);
    assertEquals(1, network.cuts());
    assertTrue(network.uploaded() < CONTENT.length + OVERHEAD, "the content did not come twice");
    assertStored(storage, "last-answer.bin", CONTENT);
  }

  @Test
  void theAnswerToTheStartIsLost() throws IOException {
    network.loseAnswerAfter(0);
    try (WriteChannel writer =
        Client.at(network.url).writer(named("start.bin"), BlobWriteOption.doesNotExist())) {
      write(writer, CONTENT, 0, CONTENT.length);
    }
    assertEquals(1, network.cuts());
    assertStored(storage, "start.bin", CONTENT);
  }

  /** A create is one request. The client sends it again only where that cannot create anything twice. */
  @Test
  void cutInACreate() {
    Storage client = Client.at(network.url);
    network.cutAfter(3 * MIB);
    assertFails(() -> client.create(named("create.bin"), CONTENT));
    assertNull(storage.get(BUCKET, "create.bin"), "nothing of it is there");
    network.cutAfter(3 * MIB);
    client.create(named("create.bin"), CONTENT, BlobTargetOption.doesNotExist());
    assertEquals(2, network.cuts());
    assertStored(storage, "create.bin", CONTENT);
  }

  /**
   * One PUT of 100 MiB. The server makes a checkpoint every 32 MiB, and reads no further than the next one before a checkpoint
   * is done: when 90 MiB have passed, at least one is, whatever the client gets as an answer.
   */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aLargePutGoesOnFromACheckpoint(boolean isKilled) throws IOException {
    Path content = Content.largeFile(folder.resolve("content"), 100);
    network.cutAfter(90 * MIB, isKilled ? server::restart : () -> {});
    Client.at(network.url).createFrom(named("large.bin"), content);
    assertEquals(1, network.cuts());
    assertTrue(network.uploaded() < (90 + 100 - 30) * MIB, "it did not begin again");
    Path read = folder.resolve("read");
    storage.downloadTo(BlobId.of(BUCKET, "large.bin"), read);
    assertEquals(-1, Files.mismatch(content, read));
  }
}
