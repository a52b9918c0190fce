package tidemark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static tidemark.Client.BUCKET;
import static tidemark.Client.GRANULE;
import static tidemark.Client.MIB;
import static tidemark.Client.assertRefused;
import static tidemark.Client.named;

import com.google.cloud.ReadChannel;
import com.google.cloud.RestorableState;
import com.google.cloud.storage.Blob;
import com.google.cloud.storage.BlobId;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every way of this client to read: whole, in ranges, and on after a connection broke. */
class ReadTest extends SteadyServer {
  private static final byte[] CONTENT = Content.ofLength(5 * MIB + 54_321);

  private static final BlobId ID = BlobId.of(BUCKET, "folder/read me.bin");

  @BeforeAll
  static void upload() throws IOException {
    Client.upload(storage, ID.getName(), CONTENT, 16 * MIB);
  }

  @Test
  void wholeIntoMemory() {
    assertArrayEquals(CONTENT, storage.readAllBytes(ID));
    assertArrayEquals(CONTENT, storage.get(ID).getContent());
  }

  @Test
  void wholeIntoAFileAndAStream() throws IOException {
    Path file = folder.resolve("whole");
    storage.downloadTo(ID, file);
    assertArrayEquals(CONTENT, Files.readAllBytes(file));
    ByteArrayOutputStream stream = new ByteArrayOutputStream();
    storage.get(ID).downloadTo(stream);
    assertArrayEquals(CONTENT, stream.toByteArray());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1000, GRANULE, 2 * MIB, 16 * MIB})
  void wholeThroughAReader(int chunkSize) throws IOException {
    try (ReadChannel reader = storage.reader(ID)) {
      reader.setChunkSize(chunkSize);
      assertArrayEquals(CONTENT, allOf(reader));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0, 1", "0, 100", "1, 2", "100, 300000", "262144, 524288", "5242880, 5297201", "5297200, 5297201",
    "5297000, 9000000", "5297201, 5297202", "9000000, 9000001", "7, 7"
  })
  void seekAndLimit(int from, int to) throws IOException {
    byte[] expected =
        Arrays.copyOfRange(CONTENT, Math.min(from, CONTENT.length), Math.min(to, CONTENT.length));
    try (ReadChannel reader = storage.reader(ID)) {
      reader.seek(from);
      reader.limit(to);
      assertArrayEquals(expected, allOf(reader));
    }
  }

  @Test
  void seekToTheEndOfTheObject() throws IOException {
    try (ReadChannel reader = storage.reader(ID)) {
      reader.seek(CONTENT.length - 1000);
      assertArrayEquals(
          Arrays.copyOfRange(CONTENT, CONTENT.length - 1000, CONTENT.length), allOf(reader));
      reader.seek(0);
      reader.limit(10);
      assertArrayEquals(Arrays.copyOf(CONTENT, 10), allOf(reader));
    }
  }

  @Test
  void anEmptyObject() throws IOException {
    Blob empty = storage.create(named("empty"));
    assertEquals(0, storage.readAllBytes(empty.getBlobId()).length);
    try (ReadChannel reader = empty.reader()) {
      assertEquals(0, allOf(reader).length);
    }
    try (ReadChannel reader = empty.reader()) {
      reader.seek(1);
      assertEquals(0, allOf(reader).length);
    }
    empty.downloadTo(folder.resolve("empty"));
    assertEquals(0, Files.size(folder.resolve("empty")));
  }

  @Test
  void whatDoesNotExist() {
    BlobId absent = BlobId.of(BUCKET, "absent");
    assertRefused(404, () -> storage.readAllBytes(absent));
    assertRefused(404, () -> storage.downloadTo(absent, folder.resolve("absent")));
    assertRefused(404, () -> allOf(storage.reader(absent)));
    assertRefused(404, () -> storage.readAllBytes("absent-bucket", "absent"));
  }

  @Test
  void aReaderGoesOnFromItsCapturedState() throws IOException {
    RestorableState<ReadChannel> state;
    byte[] first;
    try (ReadChannel reader = storage.reader(ID)) {
      reader.setChunkSize(GRANULE);
      first = Channels.newInputStream(reader).readNBytes(MIB + 5);
      state = reader.capture();
    }
    assertArrayEquals(Arrays.copyOf(CONTENT, MIB + 5), first);
    try (ReadChannel reader = state.restore()) {
      assertArrayEquals(
          Arrays.copyOfRange(CONTENT, MIB + 5, CONTENT.length), allOf(reader));
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aReaderGoesOnAfterABreak(boolean isKilled) throws IOException {
    try (Proxy network = new Proxy(server.port);
        ReadChannel reader = Client.at(network.url).reader(ID)) {
      network.cutAnswerAfter(3 * MIB, isKilled ? server::restart : () -> {});
      assertArrayEquals(CONTENT, allOf(reader));
      assertEquals(1, network.cuts());
    }
  }

  @Test
  void aDownloadGoesOnAfterABreak() throws IOException {
    Path file = folder.resolve("broken");
    try (Proxy network = new Proxy(server.port)) {
      network.cutAnswerAfter(3 * MIB, () -> {});
      Client.at(network.url).downloadTo(ID, file);
      assertEquals(1, network.cuts());
    }
    assertArrayEquals(CONTENT, Files.readAllBytes(file));
  }

  private static byte[] allOf(ReadChannel reader) throws IOException {
    return Channels.newInputStream(reader).readAllBytes();
  }
}
