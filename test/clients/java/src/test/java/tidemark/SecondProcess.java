package tidemark;

import com.google.cloud.RestorableState;
import com.google.cloud.WriteChannel;
import java.io.IOException;
import java.io.InputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A program that takes up the upload of another one that has ended: from its saved state, and the same file. */
final class SecondProcess {
  private SecondProcess() {}

  /** STATE CONTENT WRITTEN: how much of the content the first one had written to its channel. */
  public static void main(String[] args) throws IOException, ClassNotFoundException {
    byte[] content = Files.readAllBytes(Path.of(args[1]));
    try (WriteChannel writer = restore(Path.of(args[0]))) {
      Client.write(writer, content, Integer.parseInt(args[2]), content.length);
    }
  }

  static void save(WriteChannel writer, Path file) throws IOException {
    try (ObjectOutputStream out = new ObjectOutputStream(Files.newOutputStream(file))) {
      out.writeObject(writer.capture());
    }
  }

  @SuppressWarnings("unchecked")
  static WriteChannel restore(Path file) throws IOException, ClassNotFoundException {
    try (InputStream in = Files.newInputStream(file);
        ObjectInputStream objects = new ObjectInputStream(in)) {
      return ((RestorableState<WriteChannel>) objects.readObject()).restore();
    }
  }

  /** Runs it, and answers its exit code. */
  static int run(Path state, Path content, int written) throws IOException, InterruptedException {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String classPath = System.getProperty("java.class.path");
    List<String> command =
        List.of(
            java, "-Xmx128m", "-XX:+UseSerialGC", "-cp", classPath, SecondProcess.class.getName(),
            state.toString(), content.toString(), "" + written);
    return new ProcessBuilder(command).inheritIO().start().waitFor();
  }
}
