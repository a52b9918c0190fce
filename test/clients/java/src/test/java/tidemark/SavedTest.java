package tidemark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static tidemark.Client.MIB;
import static tidemark.Client.assertStored;
import static tidemark.Client.named;
import static tidemark.Client.write;

import com.google.cloud.WriteChannel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Uploads that one process begins, and another one ends: with the captured state of the writer. */
class SavedTest extends BadNetwork {
  @Test
  void aSavedWriterGoesOnInAnotherProcess() throws IOException, InterruptedException {
    Path state = folder.resolve("state");
    Path content = Files.write(folder.resolve("content"), CONTENT);
    // With half a chunk that the server has not seen: it is in the state.
    int written = 2 * MIB + MIB / 2;
    WriteChannel writer = storage.writer(named("saved.bin"));
    writer.setChunkSize(MIB);
    write(writer, CONTENT, 0, written);
    SecondProcess.save(writer, state);
    server.restart();
    assertEquals(0, SecondProcess.run(state, content, written));
    assertStored(storage, "saved.bin", CONTENT);
  }

  /** The first process had sent another chunk after it saved its state. The server knows these bytes already. */
  @Test
  void aStateFromBeforeTheLastChunk() throws IOException, ClassNotFoundException {
    Path state = folder.resolve("state");
    WriteChannel first = storage.writer(named("older.bin"));
    first.setChunkSize(MIB);
    write(first, CONTENT, 0, MIB);
    SecondProcess.save(first, state);
    write(first, CONTENT, MIB, 2 * MIB);
    try (WriteChannel second = SecondProcess.restore(state)) {
      write(second, CONTENT, MIB, CONTENT.length);
    }
    assertStored(storage, "older.bin", CONTENT);
  }
}
