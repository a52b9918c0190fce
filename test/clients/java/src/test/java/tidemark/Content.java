package tidemark;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.Random;
import java.util.zip.CRC32C;
import java.util.zip.GZIPOutputStream;

/** What is uploaded: random bytes, the same in every run. And its checksums as Google writes them. */
final class Content {
  private Content() {}

  static byte[] ofLength(int length) {
    byte[] content = new byte[length];
    new Random(2).nextBytes(content);
    return content;
  }

  static Path largeFile(Path path, int mebibytes) throws IOException {
    Random random = new Random(3);
    byte[] bytes = new byte[Client.MIB];
    try (OutputStream file = Files.newOutputStream(path)) {
      for (int i = 0; i < mebibytes; i++) {
        random.nextBytes(bytes);
        file.write(bytes);
      }
    }
    return path;
  }

  static String crc32c(byte[] content) {
    CRC32C crc32c = new CRC32C();
    crc32c.update(content);
    return base64(ByteBuffer.allocate(4).putInt((int) crc32c.getValue()).array());
  }

  static String md5(byte[] content) {
    try {
      return base64(MessageDigest.getInstance("MD5").digest(content));
    } catch (NoSuchAlgorithmException error) {
      throw new IllegalStateException(error);
    }
  }

  static byte[] gzip(byte[] content) throws IOException {
    ByteArrayOutputStream compressed = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(compressed)) {
      gzip.write(content);
    }
    return compressed.toByteArray();
  }

  private static String base64(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }
}
