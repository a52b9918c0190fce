// Package storage_test runs Google's own Go client, unmodified, against the program as people run it. Its way of sending
// matters: content that fits in one chunk goes as one multipart request, all else as resumable chunks that are sent by POST,
// and sent again from the same offset, without a question, for as long as the server is away.
package storage_test

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"testing"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
)

const (
	kib    = 1024
	mib    = 1024 * kib
	bucket = "uploads"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// clientAt is the client as its users set it up for a server of their own.
func clientAt(t *testing.T, url string, options ...option.ClientOption) *storage.Client {
	t.Helper()
	here := []option.ClientOption{option.WithEndpoint(url + "/storage/v1/"), option.WithoutAuthentication()}
	client, err := storage.NewClient(t.Context(), append(here, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// content is the same in every run.
func content(size int) []byte {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(data) // Never fails.
	return data
}

// write uploads through a Writer, in pieces of an odd size, after set has set its fields.
func write(t *testing.T, object *storage.ObjectHandle, content []byte, set func(*storage.Writer)) (*storage.ObjectAttrs, error) {
	t.Helper()
	writer := object.NewWriter(t.Context())
	if set != nil {
		set(writer)
	}
	for rest := content; len(rest) > 0; {
		piece := rest[:min(len(rest), 777_777)]
		if _, err := writer.Write(piece); err != nil {
			break // Close says why.
		}
		rest = rest[len(piece):]
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return writer.Attrs(), nil
}

// put is write where nothing may go wrong.
func put(t *testing.T, object *storage.ObjectHandle, content []byte, set func(*storage.Writer)) *storage.ObjectAttrs {
	t.Helper()
	attrs, err := write(t, object, content, set)
	if err != nil {
		t.Fatal(err)
	}
	return attrs
}

func chunkSize(size int) func(*storage.Writer) {
	return func(writer *storage.Writer) { writer.ChunkSize = size }
}

// read gets the whole object; the client compares its CRC32C.
func read(t *testing.T, object *storage.ObjectHandle) []byte {
	t.Helper()
	reader, err := object.NewReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	data, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func wantContent(t *testing.T, object *storage.ObjectHandle, want []byte) {
	t.Helper()
	if got := read(t, object); !bytes.Equal(got, want) {
		t.Errorf("%s: read %d bytes that are not the %d bytes written", object.ObjectName(), len(got), len(want))
	}
}

func wantMissing(t *testing.T, object *storage.ObjectHandle) {
	t.Helper()
	if _, err := object.Attrs(t.Context()); !errors.Is(err, storage.ErrObjectNotExist) {
		t.Errorf("%s: want no object, got %v", object.ObjectName(), err)
	}
}

// wantStatus checks that the server refused, and with which status.
func wantStatus(t *testing.T, err error, status int) {
	t.Helper()
	var refusal *googleapi.Error
	if !errors.As(err, &refusal) || refusal.Code != status {
		t.Errorf("want status %d, got %v", status, err)
	}
}

func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
