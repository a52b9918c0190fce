package tidemark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static tidemark.Client.BUCKET;
import static tidemark.Client.GRANULE;
import static tidemark.Client.MIB;
import static tidemark.Client.assertRefused;
import static tidemark.Client.assertStored;
import static tidemark.Client.named;

import com.google.cloud.storage.Blob;
import com.google.cloud.storage.BlobId;
import com.google.cloud.storage.BlobInfo;
import com.google.cloud.storage.BucketInfo;
import com.google.cloud.storage.CopyWriter;
import com.google.cloud.storage.Storage.BlobSourceOption;
import com.google.cloud.storage.Storage.BlobTargetOption;
import com.google.cloud.storage.Storage.ComposeRequest;
import com.google.cloud.storage.Storage.CopyRequest;
import com.google.cloud.storage.Storage.MoveBlobRequest;
import com.google.cloud.storage.StorageClass;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What the server does with objects by itself: compose, copy, move, delete. */
class ObjectsTest extends SteadyServer {
  @Test
  void compose() throws IOException {
    byte[] content = Content.ofLength(3 * MIB + 3);
    int[] cuts = {0, MIB, 2 * MIB + 1, content.length};
    for (int i = 1; i < cuts.length; i++) {
      byte[] part = Arrays.copyOfRange(content, cuts[i - 1], cuts[i]);
      Client.upload(storage, "part " + i, part, GRANULE);
    }
    BlobInfo target = BlobInfo.newBuilder(BUCKET, "whole").setContentType("a/b").build();
    Blob whole =
        storage.compose(
            ComposeRequest.newBuilder()
                .addSource("part 1", "part 2", "part 3")
                .setTarget(target)
                .setTargetOptions(BlobTargetOption.doesNotExist())
                .build());
    assertEquals(content.length, whole.getSize());
    assertEquals(Content.crc32c(content), whole.getCrc32c());
    assertNull(whole.getMd5());
    assertEquals(3, whole.getComponentCount());
    assertEquals("a/b", whole.getContentType());
    assertArrayEquals(content, storage.readAllBytes(whole.getBlobId()));

    // Onto one of its own sources, which is how things are appended.
    storage.create(named("more"), new byte[] {1, 2, 3});
    Blob appended =
        storage.compose(ComposeRequest.of(List.of("whole", "more"), whole.toBuilder().build()));
    ByteArrayOutputStream expected = new ByteArrayOutputStream();
    expected.write(content);
    expected.write(new byte[] {1, 2, 3});
    assertArrayEquals(expected.toByteArray(), storage.readAllBytes(BUCKET, "whole"));
    assertEquals(4, appended.getComponentCount());
  }

  @Test
  void composeWithGenerationsAndMistakes() {
    Blob first = storage.create(named("source"), new byte[] {1});
    Blob second = storage.create(named("source"), new byte[] {2});
    ComposeRequest.Builder request = ComposeRequest.newBuilder().setTarget(named("target"));
    request.addSource("source", second.getGeneration());
    storage.compose(request.build());
    assertArrayEquals(new byte[] {2}, storage.readAllBytes(BUCKET, "target"));

    request.addSource("source", first.getGeneration());
    assertRefused(404, () -> storage.compose(request.build()));
    ComposeRequest absent = ComposeRequest.of(BUCKET, List.of("source", "absent"), "target");
    assertRefused(404, () -> storage.compose(absent));
    List<String> tooMany = IntStream.range(0, 33).mapToObj(i -> "source").toList();
    assertRefused(400, () -> storage.compose(ComposeRequest.of(BUCKET, tooMany, "target")));
    storage.compose(ComposeRequest.of(BUCKET, tooMany.subList(0, 32), "target"));
    assertEquals(32, storage.get(BUCKET, "target").getSize());
  }

  @Test
  void copy() throws IOException {
    byte[] content = Content.ofLength(3 * MIB + 3);
    BlobInfo info =
        BlobInfo.newBuilder(BUCKET, "dir/original")
            .setContentType("text/plain")
            .setMetadata(Map.of("a", "1"))
            .build();
    Blob original = storage.create(info, content);
    storage.create(BucketInfo.of("copies"));

    CopyWriter writer = original.copyTo(BlobId.of("copies", "dir/copy"));
    Blob copy = writer.getResult();
    assertTrue(writer.isDone());
    assertEquals(content.length, writer.getTotalBytesCopied());
    assertEquals(content.length, writer.getBlobSize());
    assertEquals("text/plain", copy.getContentType());
    assertEquals(Map.of("a", "1"), copy.getMetadata());
    assertStored(storage, BlobId.of("copies", "dir/copy"), content);

    BlobInfo other =
        BlobInfo.newBuilder("copies", "other")
            .setContentType("a/b")
            .setStorageClass(StorageClass.COLDLINE)
            .build();
    CopyRequest request =
        CopyRequest.newBuilder()
            .setSource(original.getBlobId())
            .setSourceOptions(BlobSourceOption.generationMatch())
            .setTarget(other, BlobTargetOption.doesNotExist())
            .setMegabytesCopiedPerChunk(1L)
            .build();
    Blob changed = storage.copy(request).getResult();
    assertEquals("a/b", changed.getContentType());
    assertEquals(StorageClass.COLDLINE, changed.getStorageClass());
    assertNull(changed.getMetadata());
    assertStored(storage, other.getBlobId(), content);
    assertRefused(412, () -> storage.copy(request));
    assertRefused(
        404, () -> storage.copy(CopyRequest.of(BUCKET, "absent", BlobId.of(BUCKET, "x"))));
  }

  @Test
  void move() {
    Blob original = storage.create(named("before"), new byte[] {1});
    MoveBlobRequest request =
        MoveBlobRequest.newBuilder()
            .setSource(original.getBlobId())
            .setTarget(BlobId.of(BUCKET, "after"))
            .build();
    assertEquals("after", storage.moveBlob(request).getName());
    assertStored(storage, "after", new byte[] {1});
    assertNull(storage.get(BUCKET, "before"));
  }

  @Test
  void delete() {
    Blob blob = storage.create(named("deleted"), new byte[] {1});
    BlobId id = BlobId.of(BUCKET, "deleted");
    assertRefused(412, () -> storage.delete(id, BlobSourceOption.generationMatch(1)));
    assertTrue(storage.get(id).exists());
    assertTrue(storage.delete(blob.getBlobId(), BlobSourceOption.generationMatch()));
    assertFalse(storage.delete(id));
    assertNull(storage.get(id));
    assertFalse(blob.exists());
  }
}
