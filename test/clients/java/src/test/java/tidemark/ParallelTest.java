package tidemark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static tidemark.Client.BUCKET;
import static tidemark.Client.GRANULE;
import static tidemark.Client.MIB;

import com.google.cloud.storage.Blob;
import com.google.cloud.storage.BlobId;
import com.google.cloud.storage.BlobInfo;
import com.google.cloud.storage.BlobWriteSession;
import com.google.cloud.storage.BlobWriteSessionConfig;
import com.google.cloud.storage.BlobWriteSessionConfigs;
import com.google.cloud.storage.HttpStorageOptions;
import com.google.cloud.storage.ParallelCompositeUploadBlobWriteSessionConfig.BufferAllocationStrategy;
import com.google.cloud.storage.Storage;
import com.google.cloud.storage.Storage.BlobWriteOption;
import com.google.cloud.storage.transfermanager.DownloadResult;
import com.google.cloud.storage.transfermanager.ParallelDownloadConfig;
import com.google.cloud.storage.transfermanager.ParallelUploadConfig;
import com.google.cloud.storage.transfermanager.TransferManager;
import com.google.cloud.storage.transfermanager.TransferManagerConfig;
import com.google.cloud.storage.transfermanager.TransferStatus;
import com.google.cloud.storage.transfermanager.UploadResult;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The ways of this client to use several connections for one object. */
class ParallelTest extends SteadyServer {
  @Test
  void compositeUploadInParallel() throws Exception {
    byte[] content = Content.ofLength(5 * MIB + 54_321);
    BlobWriteSessionConfig inParallel =
        BlobWriteSessionConfigs.parallelCompositeUpload()
            .withBufferAllocationStrategy(BufferAllocationStrategy.simple(GRANULE));
    HttpStorageOptions.Builder options = (HttpStorageOptions.Builder) Client.options(server.url);
    Storage composing = options.setBlobWriteSessionConfig(inParallel).build().getService();
    BlobInfo info = BlobInfo.newBuilder(BUCKET, "composed.bin").setContentType("a/b").build();
    BlobWriteSession session = composing.blobWriteSession(info, BlobWriteOption.doesNotExist());
    try (WritableByteChannel channel = session.open()) {
      Client.write(channel, content, 0, content.length);
    }
    assertEquals(content.length, session.getResult().get().getSize());

    Blob blob = storage.get(BUCKET, "composed.bin");
    assertEquals(Content.crc32c(content), blob.getCrc32c());
    assertNull(blob.getMd5());
    assertEquals("a/b", blob.getContentType());
    assertArrayEquals(content, blob.getContent());
  }

  @Test
  void theTransferManagerUploadsInParallel() throws Exception {
    TransferManagerConfig config =
        TransferManagerConfig.newBuilder()
            .setStorageOptions(storage.getOptions())
            .setAllowParallelCompositeUpload(true)
            .setPerWorkerBufferSize(MIB)
            .setMaxWorkers(2)
            .build();
    List<Path> files =
        List.of(
            Files.write(folder.resolve("one"), Content.ofLength(1000)),
            Files.write(folder.resolve("two"), Content.ofLength(5 * MIB + 54_321)));
    ParallelUploadConfig upload =
        ParallelUploadConfig.newBuilder().setBucketName(BUCKET).setPrefix("managed").build();
    try (TransferManager manager = config.getService()) {
      List<UploadResult> results = manager.uploadFiles(files, upload).getUploadResults();
      for (UploadResult result : results) {
        assertEquals(TransferStatus.SUCCESS, result.getStatus(), () -> "" + results);
        BlobInfo uploaded = result.getUploadedBlob();
        Path file = files.get(results.indexOf(result));
        assertTrue(uploaded.getName().startsWith("managed/"), uploaded.getName());
        assertArrayEquals(Files.readAllBytes(file), storage.readAllBytes(uploaded.getBlobId()));
      }
    }
  }

  @Test
  void theTransferManagerReadsInParallel() throws Exception {
    byte[] content = Content.ofLength(5 * MIB + 54_321);
    BlobId id = BlobId.of(BUCKET, "folder/read me.bin");
    Client.upload(storage, id.getName(), content, 16 * MIB);
    TransferManagerConfig config =
        TransferManagerConfig.newBuilder()
            .setStorageOptions(storage.getOptions())
            .setAllowDivideAndConquerDownload(true)
            .setPerWorkerBufferSize(MIB)
            .setMaxWorkers(3)
            .build();
    try (TransferManager manager = config.getService()) {
      ParallelDownloadConfig download =
          ParallelDownloadConfig.newBuilder()
              .setBucketName(BUCKET)
              .setDownloadDirectory(Files.createDirectory(folder.resolve("parallel")))
              .build();
      List<DownloadResult> results =
          manager.downloadBlobs(List.of(storage.get(id)), download).getDownloadResults();
      assertEquals(TransferStatus.SUCCESS, results.get(0).getStatus(), () -> "" + results);
      assertArrayEquals(content, Files.readAllBytes(results.get(0).getOutputDestination()));
    }
  }
}
