package tidemark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static tidemark.Client.BUCKET;
import static tidemark.Client.assertRefused;
import static tidemark.Client.assertStored;
import static tidemark.Client.named;

import com.google.cloud.storage.Blob;
import com.google.cloud.storage.BlobInfo;
import com.google.cloud.storage.Storage.BlobSourceOption;
import com.google.cloud.storage.Storage.BlobTargetOption;
import com.google.cloud.storage.Storage.BlobWriteOption;
import com.google.cloud.storage.StorageClass;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What an object says of itself: declared at its upload, changed later, compressed or not. */
class MetadataTest extends SteadyServer {
  @ParameterizedTest
  @ValueSource(strings = {"create", "writer"})
  void metadata(String way) throws IOException {
    BlobInfo info =
        BlobInfo.newBuilder(BUCKET, "folder/described " + way)
            .setContentType("text/markdown; charset=utf-8")
            .setCacheControl("no-store")
            .setContentDisposition("attachment; filename=\"ä.md\"")
            .setContentLanguage("de")
            .setStorageClass(StorageClass.NEARLINE)
            .setCustomTimeOffsetDateTime(OffsetDateTime.of(2026, 1, 2, 3, 4, 5, 0, ZoneOffset.UTC))
            .setMetadata(Map.of("owner", "me", "größe", "klein ✓"))
            .build();
    if (way.equals("create")) storage.create(info, new byte[] {1});
    else storage.createFrom(info, new ByteArrayInputStream(new byte[] {1}));

    Blob blob = storage.get(info.getBlobId());
    assertEquals(info.getContentType(), blob.getContentType());
    assertEquals(info.getCacheControl(), blob.getCacheControl());
    assertEquals(info.getContentDisposition(), blob.getContentDisposition());
    assertEquals(info.getContentLanguage(), blob.getContentLanguage());
    assertEquals(info.getStorageClass(), blob.getStorageClass());
    assertEquals(info.getCustomTimeOffsetDateTime(), blob.getCustomTimeOffsetDateTime());
    assertEquals(info.getMetadata(), blob.getMetadata());
  }

  @Test
  void theContentTypeIsGuessedFromTheName() throws IOException {
    storage.create(named("page.html"), new byte[] {1}, BlobTargetOption.detectContentType());
    assertEquals("text/html", storage.get(BUCKET, "page.html").getContentType());
    storage.createFrom(
        named("picture.png"),
        new ByteArrayInputStream(new byte[] {1}),
        BlobWriteOption.detectContentType());
    assertEquals("image/png", storage.get(BUCKET, "picture.png").getContentType());
    storage.create(named("thing"), new byte[] {1});
    assertEquals("application/octet-stream", storage.get(BUCKET, "thing").getContentType());
  }

  @Test
  void update() {
    BlobInfo info =
        BlobInfo.newBuilder(BUCKET, "updated/a b")
            .setContentType("text/plain")
            .setMetadata(Map.of("keep", "1", "change", "1", "remove", "1"))
            .build();
    Blob created = storage.create(info, new byte[] {1});
    Map<String, String> changes = new HashMap<>(Map.of("change", "2", "add", "ü"));
    changes.put("remove", null);
    Blob updated =
        created.toBuilder()
            .setContentType("text/markdown")
            .setCacheControl("no-cache")
            .setMetadata(changes)
            .build()
            .update(BlobTargetOption.metagenerationMatch());

    assertEquals("text/markdown", updated.getContentType());
    assertEquals("no-cache", updated.getCacheControl());
    assertEquals(Map.of("keep", "1", "change", "2", "add", "ü"), updated.getMetadata());
    assertEquals(created.getGeneration(), updated.getGeneration());
    assertEquals(2, updated.getMetageneration());
    assertEquals(updated, storage.get(info.getBlobId()));
    assertStored(storage, "updated/a b", new byte[] {1});

    Blob emptied = updated.toBuilder().setMetadata(null).setCacheControl(null).build().update();
    assertNull(emptied.getMetadata());
    assertNull(emptied.getCacheControl());
    assertEquals(3, emptied.getMetageneration());
    assertRefused(
        412,
        () ->
            created.toBuilder()
                .setContentType("a/b")
                .build()
                .update(BlobTargetOption.metagenerationMatch()));
    assertRefused(404, () -> storage.update(named("absent").toBuilder().setContentType("a/b").build()));
  }

  @Test
  void compressedOnTheWayIsStoredAsItWas() {
    byte[] content = "All work and no play makes Jack a dull boy.\n".repeat(50_000).getBytes();
    try (Proxy network = new Proxy(server.port)) {
      Client.at(network.url).create(named("dull.txt"), content);
      assertTrue(network.uploaded() < content.length / 10, "it was compressed");
    }
    Blob blob = storage.get(BUCKET, "dull.txt");
    assertNull(blob.getContentEncoding());
    assertStored(storage, "dull.txt", content);
  }

  /** Here the object itself is compressed, and says so; the request may be as well, once more. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void storedCompressed(boolean isCompressedOnTheWay) throws IOException {
    byte[] text = "All work and no play makes Jack a dull boy.\n".repeat(1000).getBytes();
    byte[] content = Content.gzip(text);
    BlobInfo info =
        BlobInfo.newBuilder(BUCKET, "dull.txt.gz")
            .setContentType("text/plain")
            .setContentEncoding("gzip")
            .build();
    if (isCompressedOnTheWay) storage.create(info, content);
    else storage.create(info, content, BlobTargetOption.disableGzipContent());

    Blob blob = storage.get(info.getBlobId());
    assertEquals(content.length, blob.getSize());
    assertEquals(Content.crc32c(content), blob.getCrc32c());
    assertEquals("gzip", blob.getContentEncoding());
    BlobSourceOption raw = BlobSourceOption.shouldReturnRawInputStream(true);
    assertArrayEquals(content, storage.readAllBytes(info.getBlobId(), raw));
    BlobSourceOption decompressed = BlobSourceOption.shouldReturnRawInputStream(false);
    assertArrayEquals(text, storage.readAllBytes(info.getBlobId(), decompressed));
  }
}
