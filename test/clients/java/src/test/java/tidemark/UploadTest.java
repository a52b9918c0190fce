package tidemark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;
import static tidemark.Client.BUCKET;
import static tidemark.Client.GRANULE;
import static tidemark.Client.MIB;
import static tidemark.Client.assertRefused;
import static tidemark.Client.assertStored;
import static tidemark.Client.named;

import com.google.cloud.WriteChannel;
import com.google.cloud.storage.Blob;
import com.google.cloud.storage.BlobInfo;
import com.google.cloud.storage.BlobWriteSession;
import com.google.cloud.storage.Storage.BlobTargetOption;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every way of this client to upload, over a network that works. */
class UploadTest extends SteadyServer {
  private static final int[] SIZES = {0, 1, GRANULE - 1, GRANULE, GRANULE + 1, 5 * MIB + 54_321};

  private interface Way {
    void upload(BlobInfo info, byte[] content) throws Exception;
  }

  /** One request: multipart, which this client compresses unless told not to. */
  private static final Map<String, Way> AT_ONCE =
      Map.of(
          "create", (info, content) -> storage.create(info, content),
          "create, not compressed",
              (info, content) ->
                  storage.create(info, content, BlobTargetOption.disableGzipContent()),
          "create of a part of an array",
              (info, content) -> {
                byte[] around = new byte[content.length + 20];
                System.arraycopy(content, 0, around, 10, content.length);
                storage.create(info, around, 10, content.length);
              },
          "create from a stream",
              (info, content) -> Client.createFromStream(storage, info, content));

  /** A session and its chunks. */
  private static final Map<String, Way> RESUMABLE =
      Map.of(
          "writer", (info, content) -> writeInChunksOf(16 * MIB, info, content),
          "writer in chunks of 256 KiB",
              (info, content) -> writeInChunksOf(GRANULE, info, content),
          "writer in odd writes",
              (info, content) -> {
                try (WriteChannel writer = storage.writer(info)) {
                  writer.setChunkSize(MIB);
                  for (int from = 0; from < content.length; from += 99_999) {
                    Client.write(writer, content, from, Math.min(from + 99_999, content.length));
                  }
                }
              },
          "createFrom a path",
              (info, content) ->
                  storage.createFrom(info, Files.write(folder.resolve("content"), content)),
          "createFrom a stream",
              (info, content) -> storage.createFrom(info, new ByteArrayInputStream(content)),
          "createFrom a stream in chunks of 1 MiB",
              (info, content) -> storage.createFrom(info, new ByteArrayInputStream(content), MIB),
          "write session",
              (info, content) -> {
                BlobWriteSession session = storage.blobWriteSession(info);
                try (WritableByteChannel channel = session.open()) {
                  Client.write(channel, content, 0, content.length);
                }
                assertEquals(content.length, session.getResult().get().getSize());
              });

  static Stream<Arguments> waysAndSizes() {
    return Stream.of(AT_ONCE, RESUMABLE)
        .flatMap(ways -> ways.entrySet().stream())
        .sorted(Map.Entry.comparingByKey())
        .flatMap(
            way ->
                IntStream.of(SIZES)
                    .mapToObj(size -> arguments(Named.of(way.getKey(), way.getValue()), size)));
  }

  @ParameterizedTest(name = "{0}: {1} bytes")
  @MethodSource("waysAndSizes")
  void uploads(Way way, int size) throws Exception {
    byte[] content = Content.ofLength(size);
    way.upload(named("way.bin"), content);
    assertStored(storage, "way.bin", content);
  }

  @Test
  void createWithoutContent() {
    Blob blob = storage.create(named("nothing"));
    assertEquals(0, blob.getSize());
    assertEquals("AAAAAA==", blob.getCrc32c());
    assertStored(storage, "nothing", new byte[0]);
  }

  @Test
  void aWriterThatIsNeverWrittenTo() throws IOException {
    storage.writer(named("unwritten")).close();
    assertStored(storage, "unwritten", new byte[0]);
  }

  @Test
  void anObjectIsNotThereBeforeItsWriterIsClosed() throws IOException {
    byte[] content = Content.ofLength(2 * MIB);
    try (WriteChannel writer = storage.writer(named("unclosed"))) {
      writer.setChunkSize(MIB);
      Client.write(writer, content, 0, content.length);
      assertNull(storage.get(BUCKET, "unclosed"));
    }
    assertStored(storage, "unclosed", content);
  }

  @Test
  void theAnswerIsTheObject() throws IOException {
    byte[] content = Content.ofLength(GRANULE + 7);
    Blob created = storage.create(named("answer"), content);
    assertEquals(storage.get(created.getBlobId()), created);
    assertEquals(Content.crc32c(content), created.getCrc32c());
    assertEquals(Content.md5(content), created.getMd5());

    // Here this client does not ask for access controls, and in everything else it does.
    Blob sent = storage.createFrom(named("answer"), new ByteArrayInputStream(content));
    Blob found = storage.get(sent.getBlobId());
    assertEquals(found.getGeneratedId(), sent.getGeneratedId());
    assertEquals(found.getSelfLink(), sent.getSelfLink());
    assertEquals(found.getMediaLink(), sent.getMediaLink());
    assertEquals(found.getEtag(), sent.getEtag());
    assertEquals(found.getCrc32c(), sent.getCrc32c());
    assertEquals(found.getMd5(), sent.getMd5());
    assertEquals(found.getCreateTimeOffsetDateTime(), sent.getCreateTimeOffsetDateTime());
    assertEquals(found.getUpdateTimeOffsetDateTime(), sent.getUpdateTimeOffsetDateTime());
    assertTrue(sent.getGeneration() > created.getGeneration());
    assertEquals(1, sent.getMetageneration());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a/b/c", "with space", "plus+sign", "100%", "%2F", "what?", "#1", "naïve/日本語/🌊", "x/acl",
        "a/compose", "a//b", "semi;colon", "'quoted'", "\"both\"", "a=b&c=d"
      })
  void names(String name) throws IOException {
    byte[] content = name.getBytes();
    storage.create(named(name), content);
    assertStored(storage, name, content);
    storage.createFrom(named(name), new ByteArrayInputStream(content));
    assertStored(storage, name, content);
    assertTrue(storage.delete(BUCKET, name));
    assertNull(storage.get(BUCKET, name));
  }

  @Test
  void aMissingBucket() {
    BlobInfo info = BlobInfo.newBuilder("absent-bucket", "x").build();
    assertRefused(404, () -> storage.create(info, new byte[] {1}));
    assertRefused(404, () -> storage.writer(info));
  }

  private static void writeInChunksOf(int chunkSize, BlobInfo info, byte[] content)
      throws IOException {
    try (WriteChannel writer = storage.writer(info)) {
      if (chunkSize != 16 * MIB) writer.setChunkSize(chunkSize);
      Client.write(writer, content, 0, content.length);
    }
  }
}
