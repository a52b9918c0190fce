package tidemark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static tidemark.Client.assertRefused;

import com.google.api.gax.paging.Page;
import com.google.cloud.storage.Blob;
import com.google.cloud.storage.BlobInfo;
import com.google.cloud.storage.BucketInfo;
import com.google.cloud.storage.Storage.BlobField;
import com.google.cloud.storage.Storage.BlobListOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Listing: the whole bucket, a folder of it, from here to there, page by page. */
class ListingTest extends SteadyServer {
  @Test
  void list() {
    storage.create(BucketInfo.of("listed"));
    for (String name : List.of("a/1", "a/2", "a/b/3", "a/b/4", "a/c/5", "b", "ä", "z")) {
      storage.create(BlobInfo.newBuilder("listed", name).build(), name.getBytes());
    }
    assertEquals(
        List.of("a/1", "a/2", "a/b/3", "a/b/4", "a/c/5", "b", "z", "ä"), namesOf("listed"));
    assertEquals(
        List.of("a/b/3", "a/b/4"), namesOf("listed", BlobListOption.prefix("a/b/")));
    BlobListOption folders = BlobListOption.currentDirectory();
    assertEquals(List.of("b", "z", "ä", "a/"), namesOf("listed", folders));
    assertEquals(
        List.of("a/1", "a/2", "a/b/", "a/c/"),
        namesOf("listed", BlobListOption.prefix("a/"), folders));
    assertEquals(
        List.of("a/2", "a/b/3", "a/b/4"),
        namesOf("listed", BlobListOption.startOffset("a/2"), BlobListOption.endOffset("a/c")));
    assertEquals(List.of(), namesOf("listed", BlobListOption.prefix("none")));

    Page<Blob> page = storage.list("listed", folders, BlobListOption.pageSize(2));
    List<String> found = new ArrayList<>();
    int pages = 0;
    for (; page != null; page = page.getNextPage()) {
      List<String> names = page.streamValues().map(Blob::getName).toList();
      assertTrue(names.size() <= 2);
      found.addAll(names);
      pages++;
    }
    assertEquals(2, pages);
    assertEquals(List.of("a/", "b", "z", "ä"), found.stream().sorted().toList());

    Blob fields =
        storage.list("listed", BlobListOption.fields(BlobField.NAME)).getValues().iterator().next();
    assertNull(fields.getSize());
    Blob folder =
        storage
            .list("listed", BlobListOption.prefix("a/b"), folders)
            .getValues()
            .iterator()
            .next();
    assertTrue(folder.isDirectory());
    assertRefused(404, () -> storage.list("absent-bucket"));
  }

  private static List<String> namesOf(String bucket, BlobListOption... options) {
    Stream<Blob> blobs = storage.list(bucket, options).streamAll();
    return blobs.map(Blob::getName).toList();
  }
}
