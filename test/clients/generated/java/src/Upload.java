/**
 * A resumable upload by the client that openapi-generator makes of openapi.yaml, through a network that breaks once.
 *
 * <p>A 308 is an answer of its own here: generated Java throws for every status that is not 2xx.
 */

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import tidemark.ApiClient;
import tidemark.ApiException;
import tidemark.ApiResponse;
import tidemark.ObjectsApi;
import tidemark.UploadsApi;
import tidemark.model.ObjectMetadata;
import tidemark.model.StoredObject;

public class Upload {
  static final int TOTAL = 3_000_000;
  static final int CHUNK = 1024 * 1024;
  static final String BUCKET = "uploads";
  static final String NAME = "java/folder/video.bin";

  static UploadsApi uploads;

  /** The object once it is complete; until then how much is persisted. */
  record Answer(StoredObject stored, int persisted) {}

  public static void main(String[] args) throws Exception {
    ApiClient client = new ApiClient().setBasePath(args[0]);
    // Without retries of its own: the break is to be seen.
    client.setHttpClient(client.getHttpClient().newBuilder().retryOnConnectionFailure(false).build());
    uploads = new UploadsApi(client);
    ObjectsApi objects = new ObjectsApi(client);

    ObjectMetadata metadata = new ObjectMetadata().contentType("video/mp4").metadata(Map.of("title", "Holidays"));
    ApiResponse<Void> begun = uploads.startUpload(BUCKET, "resumable").name(NAME)
        .xUploadContentLength((long) TOTAL).objectMetadata(metadata).executeWithHttpInfo();
    String session = header(begun.getHeaders(), "x-guploader-uploadid");
    int at = put(session, range(0, CHUNK), content(0, CHUNK)).persisted();
    check(at == CHUNK, "persisted: " + at);

    int breaks = 0;
    StoredObject stored = null;
    while (stored == null) {
      int end = Math.min(at + CHUNK, TOTAL);
      try {
        Answer answer = put(session, range(at, end), content(at, end));
        stored = answer.stored();
        at = answer.persisted();
      } catch (ApiException broken) {
        // 0: there was no answer.
        if (broken.getCode() != 0) throw broken;
        breaks++;
        at = ask(session);
        check(at >= CHUNK, "persisted: " + at);
      }
    }
    check(breaks == 1, "breaks: " + breaks);

    check(stored.getName().equals(NAME) && stored.getSize().equals("" + TOTAL), stored.toString());
    StoredObject found = objects.getObject(BUCKET, NAME).execute();
    check(found.equals(stored) && found.getMetadata().equals(Map.of("title", "Holidays")), found.toString());
    check(Arrays.equals(objects.downloadObject(BUCKET, NAME).execute(), content(0, TOTAL)), "other bytes");
    List<StoredObject> list = objects.listObjects(BUCKET).prefix("java/").execute().getItems();
    check(list.size() == 1 && list.get(0).getName().equals(NAME), list.toString());
    objects.deleteObject(BUCKET, NAME).execute();
    try {
      objects.getObject(BUCKET, NAME).execute();
      check(false, "it is still there");
    } catch (ApiException gone) {
      check(gone.getCode() == 404, gone.toString());
    }
    System.exit(0);
  }

  static Answer put(String session, String range, byte[] body) throws ApiException {
    try {
      var request = uploads.uploadChunk(BUCKET, session).contentRange("bytes " + range).body(body);
      return new Answer(request.execute(), TOTAL);
    } catch (ApiException answer) {
      if (answer.getCode() != 308) throw answer;
      String persisted = header(answer.getResponseHeaders(), "range");
      return new Answer(null, persisted == null ? 0 : Integer.parseInt(persisted.split("-")[1]) + 1);
    }
  }

  static int ask(String session) throws Exception {
    for (int tries = 0; tries < 300; tries++) {
      try {
        return put(session, "*/*", new byte[0]).persisted();
      } catch (ApiException broken) {
        if (broken.getCode() != 0) throw broken;
        Thread.sleep(100);
      }
    }
    throw new AssertionError("the server did not come back");
  }

  static String range(int start, int end) {
    return start + "-" + (end - 1) + "/" + TOTAL;
  }

  static byte[] content(int start, int end) {
    byte[] bytes = new byte[end - start];
    for (int i = start; i < end; i++) bytes[i - start] = (byte) (i * 31 + (i >> 8));
    return bytes;
  }

  static String header(Map<String, List<String>> headers, String name) {
    for (var entry : headers.entrySet()) {
      if (entry.getKey().equalsIgnoreCase(name)) return entry.getValue().get(0);
    }
    return null;
  }

  static void check(boolean holds, String what) {
    if (!holds) throw new AssertionError(what);
  }
}
