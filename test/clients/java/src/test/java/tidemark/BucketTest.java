package tidemark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static tidemark.Client.assertRefused;

import com.google.cloud.storage.Blob;
import com.google.cloud.storage.Bucket;
import com.google.cloud.storage.BucketInfo;
import com.google.cloud.storage.Storage.BucketListOption;
import com.google.cloud.storage.Storage.BucketTargetOption;
import com.google.cloud.storage.StorageException;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

/** Buckets, from their creation to their end. */
class BucketTest extends SteadyServer {
  @Test
  void buckets() {
    BucketInfo info =
        BucketInfo.newBuilder("made-by-java").setLocation("EU").setLabels(Map.of("a", "1")).build();
    Bucket created = storage.create(info);
    assertEquals("made-by-java", created.getName());
    Bucket found = storage.get("made-by-java");
    assertEquals(created, found);
    assertEquals("EU", found.getLocation());
    assertEquals(Map.of("a", "1"), found.getLabels());
    assertTrue(found.exists());
    assertNull(storage.get("absent-bucket"));
    assertRefused(409, () -> storage.create(info));
    assertRefused(400, () -> storage.create(BucketInfo.of("Not_A_Name!")));

    Bucket updated =
        found.toBuilder()
            .setLabels(Map.of("b", "2"))
            .setVersioningEnabled(false)
            .build()
            .update(BucketTargetOption.metagenerationMatch());
    assertEquals(2, updated.getMetageneration());
    assertEquals("2", updated.getLabels().get("b"));

    List<String> names =
        StreamSupport.stream(
                storage.list(BucketListOption.prefix("made-")).iterateAll().spliterator(), false)
            .map(Bucket::getName)
            .toList();
    assertEquals(List.of("made-by-java"), names);

    Blob blob = updated.create("inside", new byte[] {1, 2, 3});
    StorageException notEmpty = assertRefused(409, updated::delete);
    assertEquals("The bucket you tried to delete was not empty.", notEmpty.getMessage());
    blob.delete();
    assertTrue(updated.delete());
    assertFalse(updated.delete());
    assertNull(storage.get("made-by-java"));
  }
}
