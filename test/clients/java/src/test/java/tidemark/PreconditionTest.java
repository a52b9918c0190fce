package tidemark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static tidemark.Client.BUCKET;
import static tidemark.Client.GRANULE;
import static tidemark.Client.MIB;
import static tidemark.Client.assertRefused;
import static tidemark.Client.assertStored;
import static tidemark.Client.named;

import com.google.cloud.WriteChannel;
import com.google.cloud.storage.Blob;
import com.google.cloud.storage.BlobId;
import com.google.cloud.storage.Storage.BlobGetOption;
import com.google.cloud.storage.Storage.BlobSourceOption;
import com.google.cloud.storage.Storage.BlobTargetOption;
import com.google.cloud.storage.Storage.BlobWriteOption;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** doesNotExist, generationMatch and the like, at the start of an upload, at its end, and on reading. */
class PreconditionTest extends SteadyServer {
  @Test
  void onlyIfItDoesNotExist() throws IOException {
    storage.create(named("once"), new byte[] {1}, BlobTargetOption.doesNotExist());
    assertRefused(
        412, () -> storage.create(named("once"), new byte[] {2}, BlobTargetOption.doesNotExist()));
    assertRefused(412, () -> storage.writer(named("once"), BlobWriteOption.doesNotExist()));
    assertStored(storage, "once", new byte[] {1});

    try (WriteChannel writer = storage.writer(named("once too"), BlobWriteOption.doesNotExist())) {
      Client.write(writer, new byte[] {1, 2}, 0, 2);
    }
    assertStored(storage, "once too", new byte[] {1, 2});
  }

  @Test
  void createdByAnotherBetweenStartAndEnd() throws IOException {
    WriteChannel writer = storage.writer(named("race"), BlobWriteOption.doesNotExist());
    writer.setChunkSize(GRANULE);
    Client.write(writer, new byte[MIB], 0, MIB);
    storage.create(named("race"), new byte[] {1});
    assertRefused(412, writer::close);
    assertStored(storage, "race", new byte[] {1});
  }

  @Test
  void onlyThisGeneration() throws IOException {
    Blob first = storage.create(named("turns"), new byte[] {1});
    Blob second = storage.create(first, new byte[] {2}, BlobTargetOption.generationMatch());
    assertRefused(
        412, () -> storage.create(first, new byte[] {3}, BlobTargetOption.generationMatch()));
    assertRefused(412, () -> storage.writer(first, BlobWriteOption.generationMatch()));
    assertStored(storage, "turns", new byte[] {2});

    try (WriteChannel writer = storage.writer(second, BlobWriteOption.generationMatch())) {
      Client.write(writer, new byte[] {3}, 0, 1);
    }
    assertStored(storage, "turns", new byte[] {3});
  }

  @Test
  void generationsAndPreconditions() {
    Blob first = storage.create(named("generations"), new byte[] {1});
    Blob second = storage.create(named("generations"), new byte[] {2, 2});
    assertTrue(second.getGeneration() > first.getGeneration());
    assertArrayEquals(new byte[] {2, 2}, storage.readAllBytes(second.getBlobId()));
    assertRefused(404, () -> storage.readAllBytes(first.getBlobId()));

    BlobId any = BlobId.of(BUCKET, "generations");
    long now = second.getGeneration();
    long before = first.getGeneration();
    assertEquals(2, storage.readAllBytes(any, BlobSourceOption.generationMatch(now)).length);
    assertRefused(412, () -> storage.readAllBytes(any, BlobSourceOption.generationMatch(before)));
    assertRefused(304, () -> storage.readAllBytes(any, BlobSourceOption.generationNotMatch(now)));
    assertRefused(304, () -> storage.get(any, BlobGetOption.generationNotMatch(now)));
    assertRefused(412, () -> storage.get(any, BlobGetOption.metagenerationMatch(9)));
    assertEquals(second, storage.get(any, BlobGetOption.metagenerationMatch(1)));
  }
}
