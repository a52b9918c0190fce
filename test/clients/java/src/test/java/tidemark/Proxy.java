package tidemark;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

/**
 * A bad network: a loopback proxy that does one bad thing when told to. It cuts a connection after so many bytes of requests
 * or of answers, loses an answer, or damages a byte.
 */
final class Proxy implements AutoCloseable {
  private enum Fault { NONE, CUT, LOSE_ANSWER, CUT_ANSWER, DAMAGE }

  final String url;
  private final ServerSocket listener;
  private final int targetPort;
  private Fault fault = Fault.NONE;
  private long left;
  private Runnable atCut = () -> {};
  private long uploaded;
  private int cuts;

  Proxy(int targetPort) {
    this.targetPort = targetPort;
    try {
      listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    url = "http://127.0.0.1:" + listener.getLocalPort();
    inBackground(this::accept);
  }

  /** Lets exactly so many more bytes pass to the server, then resets the connection. */
  void cutAfter(long count) {
    arm(Fault.CUT, count, () -> {});
  }

  /** The same, with something that happens before the client notices. */
  void cutAfter(long count, Runnable first) {
    arm(Fault.CUT, count, first);
  }

  /** Lets so many more bytes pass, then resets the connection on which the server answers next, without the answer. */
  void loseAnswerAfter(long count) {
    arm(Fault.LOSE_ANSWER, count, () -> {});
  }

  /** Lets so many more bytes of answers pass, then resets the connection. */
  void cutAnswerAfter(long count, Runnable first) {
    arm(Fault.CUT_ANSWER, count, first);
  }

  /** Changes the byte after the next so many that go to the server. */
  void damageAfter(long count) {
    arm(Fault.DAMAGE, count, () -> {});
  }

  /** Bytes that went on to the server, over all connections. */
  synchronized long uploaded() {
    return uploaded;
  }

  /** Connections that were cut, and answers that were lost. */
  synchronized int cuts() {
    return cuts;
  }

  @Override
  public void close() {
    hangUp(listener);
  }

  private synchronized void arm(Fault fault, long count, Runnable first) {
    this.fault = fault;
    left = count;
    atCut = first;
  }

  private void accept() {
    while (true) {
      Socket client;
      try {
        client = listener.accept();
      } catch (IOException closed) {
        return;
      }
      inBackground(() -> serve(client));
    }
  }

  private void serve(Socket client) {
    Socket server;
    try {
      server = new Socket(InetAddress.getLoopbackAddress(), targetPort);
    } catch (IOException down) {
      hangUp(client);
      return;
    }
    inBackground(() -> pump(server, client, this::answered, client));
    pump(client, server, this::requested, client);
  }

  /** How many of the bytes go on; a negative number, −1 − that many, where the connection is cut behind them. */
  private interface Gate {
    int pass(byte[] bytes, int length);
  }

  private void pump(Socket from, Socket to, Gate gate, Socket client) {
    byte[] bytes = new byte[65536];
    try {
      InputStream in = from.getInputStream();
      for (int length = in.read(bytes); length >= 0; length = in.read(bytes)) {
        int passed = gate.pass(bytes, length);
        boolean isCut = passed < 0;
        to.getOutputStream().write(bytes, 0, isCut ? -1 - passed : passed);
        if (isCut) {
          cut(client);
          break;
        }
      }
    } catch (IOException broken) {
      // One end has gone; so does the other.
    }
    hangUp(from);
    hangUp(to);
  }

  private synchronized int requested(byte[] bytes, int length) {
    int passed = length;
    boolean isCut = false;
    if (fault == Fault.CUT && left <= length) {
      passed = (int) left;
      isCut = true;
    } else if (fault == Fault.DAMAGE && left < length) {
      bytes[(int) left] ^= 1;
      fault = Fault.NONE;
    }
    if (fault != Fault.CUT_ANSWER) left -= passed;
    uploaded += passed;
    return isCut ? -1 - passed : passed;
  }

  private synchronized int answered(byte[] bytes, int length) {
    if (fault == Fault.LOSE_ANSWER && left <= 0) return -1;
    if (fault == Fault.CUT_ANSWER) {
      if (left <= length) return -1 - (int) left;
      left -= length;
    }
    return length;
  }

  private void cut(Socket client) throws IOException {
    Runnable first;
    synchronized (this) {
      fault = Fault.NONE;
      cuts++;
      first = atCut;
    }
    first.run();
    // With a reset, at once, and not with a polite end.
    if (!client.isClosed()) client.setSoLinger(true, 0);
    client.close();
  }

  private static void hangUp(Closeable end) {
    try {
      end.close();
    } catch (IOException error) {
      // It is closed all the same.
    }
  }

  private static void inBackground(Runnable work) {
    Thread thread = new Thread(work);
    thread.setDaemon(true);
    thread.start();
  }
}
