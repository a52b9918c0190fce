package tidemark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static tidemark.Client.BUCKET;
import static tidemark.Client.MIB;
import static tidemark.Client.named;

import com.google.cloud.WriteChannel;
import com.google.cloud.storage.BlobId;
import com.google.cloud.storage.BlobInfo;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A hundred mebibytes, in every way. */
class LargeTest extends SteadyServer {
  private static Path content;

  @BeforeAll
  static void writeContent() throws IOException {
    content = Content.largeFile(folder.resolve("content"), 100);
  }

  private interface Way {
    void upload(BlobInfo info) throws IOException;
  }

  private static final Map<String, Way> WAYS =
      Map.of(
          "create", info -> storage.create(info, Files.readAllBytes(content)),
          "createFrom a path", info -> storage.createFrom(info, content),
          "createFrom a stream",
              info -> {
                try (InputStream stream = Files.newInputStream(content)) {
                  storage.createFrom(info, stream);
                }
              },
          "writer in chunks of 16 MiB, the default", info -> write(storage.writer(info)),
          "writer in chunks of 1 MiB",
              info -> {
                WriteChannel writer = storage.writer(info);
                writer.setChunkSize(MIB);
                write(writer);
              });

  static Stream<Named<Way>> ways() {
    return WAYS.entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .map(way -> Named.of(way.getKey(), way.getValue()));
  }

  @ParameterizedTest
  @MethodSource("ways")
  void uploads(Way way) throws IOException {
    way.upload(named("large.bin"));
    assertEquals(100 * MIB, storage.get(BUCKET, "large.bin").getSize());
    Path read = folder.resolve("read");
    storage.downloadTo(BlobId.of(BUCKET, "large.bin"), read);
    assertEquals(-1, Files.mismatch(content, read));
  }

  private static void write(WriteChannel writer) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(MIB);
    try (writer;
        FileChannel file = FileChannel.open(content)) {
      while (file.read(bytes) >= 0) {
        bytes.flip();
        while (bytes.hasRemaining()) writer.write(bytes);
        bytes.clear();
      }
    }
  }
}
