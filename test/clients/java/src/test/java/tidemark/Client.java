package tidemark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.api.gax.retrying.RetrySettings;
import com.google.cloud.NoCredentials;
import com.google.cloud.WriteChannel;
import com.google.cloud.storage.Blob;
import com.google.cloud.storage.BlobId;
import com.google.cloud.storage.BlobInfo;
import com.google.cloud.storage.Storage;
import com.google.cloud.storage.Storage.BlobWriteOption;
import com.google.cloud.storage.StorageException;
import com.google.cloud.storage.StorageOptions;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.time.Duration;
import org.junit.jupiter.api.function.Executable;

/** google-cloud-storage as its users set it up for a server of their own, and what its tests share. */
final class Client {
  static final String BUCKET = "uploads";
  static final int KIB = 1024;
  static final int MIB = 1024 * KIB;
  /** The client's chunks are multiples of this. */
  static final int GRANULE = 256 * KIB;

  private Client() {}

  static Storage at(String url) {
    return options(url).build().getService();
  }

  /** One that tries again sooner, and more often, than the six times within 50 s of the default. */
  static Storage stubbornAt(String url) {
    RetrySettings often =
        RetrySettings.newBuilder()
            .setInitialRetryDelayDuration(Duration.ofMillis(50))
            .setRetryDelayMultiplier(1.2)
            .setMaxRetryDelayDuration(Duration.ofMillis(500))
            .setTotalTimeoutDuration(Duration.ofMinutes(2))
            .build();
    return options(url).setRetrySettings(often).build().getService();
  }

  static StorageOptions.Builder options(String url) {
    return StorageOptions.newBuilder()
        .setHost(url)
        .setProjectId("any")
        .setCredentials(NoCredentials.getInstance());
  }

  static BlobInfo named(String name) {
    return BlobInfo.newBuilder(BUCKET, name).build();
  }

  static void write(WritableByteChannel channel, byte[] content, int from, int to) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(content, from, to - from);
    while (bytes.hasRemaining()) channel.write(bytes);
  }

  static void upload(Storage storage, String name, byte[] content, int chunkSize) throws IOException {
    try (WriteChannel writer = storage.writer(named(name))) {
      writer.setChunkSize(chunkSize);
      write(writer, content, 0, content.length);
    }
  }

  /** Deprecated, as it cannot try again; but the only one request that takes checksums of its caller. */
  @SuppressWarnings("deprecation")
  static void createFromStream(
      Storage storage, BlobInfo info, byte[] content, BlobWriteOption... options) {
    storage.create(info, new ByteArrayInputStream(content), options);
  }

  /** The object is there, with the size, the checksums and the bytes of this content. */
  static void assertStored(Storage storage, BlobId id, byte[] content) {
    Blob blob = storage.get(id);
    assertEquals(content.length, blob.getSize());
    assertEquals(Content.crc32c(content), blob.getCrc32c());
    assertEquals(Content.md5(content), blob.getMd5());
    assertArrayEquals(content, storage.readAllBytes(id));
  }

  static void assertStored(Storage storage, String name, byte[] content) {
    assertStored(storage, BlobId.of(BUCKET, name), content);
  }

  /** The call fails with this status, however deep the client wraps it. */
  static StorageException assertRefused(int status, Executable call) {
    StorageException refusal = assertFails(call);
    assertEquals(status, refusal.getCode(), refusal.getMessage());
    return refusal;
  }

  static StorageException assertFails(Executable call) {
    Throwable cause = assertThrows(Exception.class, call);
    while (!(cause instanceof StorageException)) {
      if (cause.getCause() == null) throw new AssertionError("not the client's own error", cause);
      cause = cause.getCause();
    }
    return (StorageException) cause;
  }
}
