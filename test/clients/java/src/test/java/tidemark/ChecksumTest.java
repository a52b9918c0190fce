package tidemark;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;
import static tidemark.Client.BUCKET;
import static tidemark.Client.MIB;
import static tidemark.Client.assertRefused;
import static tidemark.Client.assertStored;
import static tidemark.Client.named;

import com.google.cloud.storage.BlobInfo;
import com.google.cloud.storage.Storage;
import com.google.cloud.storage.Storage.BlobTargetOption;
import com.google.cloud.storage.Storage.BlobWriteOption;
import com.google.cloud.storage.StorageException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What is not the content that the client, or its user, meant to send is never stored. */
class ChecksumTest extends BadNetwork {
  @Test
  @SuppressWarnings("deprecation")
  void checksumsThatMatch() throws IOException {
    byte[] content = Content.ofLength(MIB + 1);
    BlobInfo info =
        BlobInfo.newBuilder(BUCKET, "checked.bin")
            .setCrc32c(Content.crc32c(content))
            .setMd5(Content.md5(content))
            .build();
    ByteArrayInputStream stream = new ByteArrayInputStream(content);
    storage.createFrom(info, stream, BlobWriteOption.crc32cMatch(), BlobWriteOption.md5Match());
    assertStored(storage, "checked.bin", content);
    storage.delete(info.getBlobId());
    Client.createFromStream(
        storage, info, content, BlobWriteOption.crc32cMatch(), BlobWriteOption.md5Match());
    assertStored(storage, "checked.bin", content);
  }

  @SuppressWarnings("deprecation")
  static Stream<Arguments> declaredChecksums() {
    byte[] other = {1, 2, 3};
    BlobInfo.Builder info = BlobInfo.newBuilder(BUCKET, "unchecked.bin");
    return Stream.of(
        arguments(
            Content.crc32c(other),
            info.setCrc32c(Content.crc32c(other)).build(),
            BlobWriteOption.crc32cMatch()),
        arguments(
            Content.md5(other),
            info.setMd5(Content.md5(other)).build(),
            BlobWriteOption.md5Match()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("declaredChecksums")
  void aWrongChecksumIsRefused(String checksum, BlobInfo info, BlobWriteOption match) {
    byte[] content = Content.ofLength(MIB + 1);
    ByteArrayInputStream stream = new ByteArrayInputStream(content);
    assertRefused(400, () -> storage.createFrom(info, stream, match));
    StorageException refusal =
        assertRefused(400, () -> Client.createFromStream(storage, info, content, match));
    assertTrue(refusal.getMessage().contains(checksum), refusal.getMessage());
    assertNull(storage.get(info.getBlobId()), "nothing was stored");
  }

  /** The client declares the checksum of what it read, whatever the caller says. */
  @Test
  void damagedOnTheWay() {
    Storage client = Client.at(network.url);
    network.damageAfter(3 * MIB);
    assertRefused(400, () -> Client.upload(client, "damaged.bin", CONTENT, MIB));
    network.damageAfter(3 * MIB);
    assertRefused(400, () -> createFromPath(client, "damaged.bin"));
    network.damageAfter(3 * MIB);
    BlobTargetOption asItIs = BlobTargetOption.disableGzipContent();
    assertRefused(400, () -> client.create(named("damaged.bin"), CONTENT, asItIs));
    network.damageAfter(3 * MIB);
    assertRefused(400, () -> client.create(named("damaged.bin"), CONTENT));
    assertNull(storage.get(BUCKET, "damaged.bin"), "nothing was stored");
  }
}
