package tidemark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static tidemark.Client.BUCKET;
import static tidemark.Client.assertRefused;
import static tidemark.Client.named;

import com.google.cloud.storage.Blob;
import com.google.cloud.storage.BlobId;
import com.google.cloud.storage.BlobInfo;
import com.google.cloud.storage.Storage.BlobTargetOption;
import com.google.cloud.storage.StorageBatch;
import com.google.cloud.storage.StorageBatchResult;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Many calls in one request. */
class BatchTest extends SteadyServer {
  @Test
  void batch() {
    for (String name : List.of("batch 1", "batch 2", "batch 3")) {
      storage.create(named(name), name.getBytes());
    }
    StorageBatch batch = storage.batch();
    StorageBatchResult<Blob> found = batch.get(BUCKET, "batch 1");
    StorageBatchResult<Blob> missing = batch.get(BUCKET, "batch 0");
    StorageBatchResult<Blob> updated =
        batch.update(named("batch 2").toBuilder().setContentType("text/ü").build());
    StorageBatchResult<Blob> refused =
        batch.update(
            named("batch 2").toBuilder().setContentType("a/b").build(),
            BlobTargetOption.metagenerationMatch(7));
    StorageBatchResult<Boolean> deleted = batch.delete(BUCKET, "batch 3");
    StorageBatchResult<Boolean> absent = batch.delete(BUCKET, "batch 0");
    batch.submit();

    assertEquals(storage.get(BUCKET, "batch 1"), found.get());
    assertNull(missing.get());
    assertEquals("text/ü", updated.get().getContentType());
    assertRefused(412, refused::get);
    assertTrue(deleted.get());
    assertFalse(absent.get());
    assertEquals("text/ü", storage.get(BUCKET, "batch 2").getContentType());
    assertNull(storage.get(BUCKET, "batch 3"));
  }

  /** The client sends a hundred at once, and then the rest. */
  @Test
  void moreCallsThanABatchTakes() {
    List<BlobId> ids = IntStream.range(0, 110).mapToObj(i -> BlobId.of(BUCKET, "many " + i)).toList();
    storage.create(BlobInfo.newBuilder(ids.get(0)).build());
    storage.create(BlobInfo.newBuilder(ids.get(109)).build());
    List<Boolean> deleted = storage.delete(ids);
    assertEquals(110, deleted.size());
    assertTrue(deleted.get(0) && deleted.get(109));
    assertEquals(2, deleted.stream().filter(isDeleted -> isDeleted).count());

    List<Blob> blobs = storage.get(List.of(BlobId.of(BUCKET, "none"), ids.get(1)));
    assertEquals(Arrays.asList(null, null), blobs);
    List<Blob> updated = storage.update(List.of(storage.create(named("single"))));
    assertNotNull(updated.get(0));
  }
}
