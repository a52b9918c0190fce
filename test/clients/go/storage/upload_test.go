package storage_test

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"hash/crc32"
	"slices"
	"sync"
	"testing"

	"clients/tidemark"

	"cloud.google.com/go/storage"
)

func TestUploadAndReadBack(t *testing.T) {
	client := clientAt(t, tidemark.New(t).URL)
	everything := content(35*mib + 54_321)
	cases := []struct {
		chunk int
		sizes []int
	}{
		{0, []int{0, 13, 256 * kib, 5*mib + 54_321, 35*mib + 54_321}},
		{256 * kib, []int{0, 13, 256*kib - 1, 256 * kib, 256*kib + 1, 512 * kib, 5*mib + 54_321}},
		{16 * mib, []int{0, 13, 5*mib + 54_321, 16 * mib, 16*mib + 1, 32 * mib, 35*mib + 54_321}},
	}
	for _, c := range cases {
		for _, size := range c.sizes {
			t.Run(fmt.Sprintf("ChunkSize %d, %d bytes", c.chunk, size), func(t *testing.T) {
				data := everything[:size]
				object := client.Bucket(bucket).Object(fmt.Sprintf("upload/%d/%d.bin", c.chunk, size))
				attrs := put(t, object, data, chunkSize(c.chunk))
				wantAttrsOf(t, attrs, object, data)
				stored, err := object.Attrs(t.Context())
				must(t, err)
				wantAttrsOf(t, stored, object, data)
				want(t, "Generation", stored.Generation, attrs.Generation)
				wantContent(t, object, data)
			})
		}
	}
}

func wantAttrsOf(t *testing.T, attrs *storage.ObjectAttrs, object *storage.ObjectHandle, content []byte) {
	t.Helper()
	sum := md5.Sum(content)
	want(t, "Bucket", attrs.Bucket, object.BucketName())
	want(t, "Name", attrs.Name, object.ObjectName())
	want(t, "Size", attrs.Size, int64(len(content)))
	want(t, "CRC32C", attrs.CRC32C, crc32.Checksum(content, castagnoli))
	want(t, "Metageneration", attrs.Metageneration, 1)
	want(t, "StorageClass", attrs.StorageClass, "STANDARD")
	if !bytes.Equal(attrs.MD5, sum[:]) {
		t.Errorf("MD5: got %x, want %x", attrs.MD5, sum)
	}
	if attrs.Generation == 0 || attrs.Created.IsZero() || attrs.Updated.IsZero() || attrs.Etag == "" || attrs.MediaLink == "" {
		t.Errorf("something is missing in %+v", attrs)
	}
}

func TestUpload100MiB(t *testing.T) {
	client := clientAt(t, tidemark.New(t).URL)
	data := content(100 * mib)
	for _, chunk := range []int{0, 256 * kib, 16 * mib} {
		t.Run(fmt.Sprintf("ChunkSize %d", chunk), func(t *testing.T) {
			object := client.Bucket(bucket).Object(fmt.Sprintf("large-%d.bin", chunk))
			attrs := put(t, object, data, chunkSize(chunk))
			want(t, "Size", attrs.Size, 100*mib)
			wantContent(t, object, data)
		})
	}
}

func TestProgressIsOfWholeChunks(t *testing.T) {
	object := clientAt(t, tidemark.New(t).URL).Bucket(bucket).Object("progress.bin")
	var progress []int64
	put(t, object, content(900*kib), func(writer *storage.Writer) {
		writer.ChunkSize = 256 * kib
		writer.ProgressFunc = func(n int64) { progress = append(progress, n) }
	})
	if !slices.Equal(progress, []int64{256 * kib, 512 * kib, 768 * kib, 900 * kib}) {
		t.Errorf("got %v", progress)
	}
}

func TestAnAbandonedUploadLeavesNoObject(t *testing.T) {
	object := clientAt(t, tidemark.New(t).URL).Bucket(bucket).Object("abandoned.bin")
	writer := object.NewWriter(t.Context())
	writer.ChunkSize = 256 * kib
	_, err := writer.Write(content(2 * mib))
	must(t, err)
	writer.CloseWithError(fmt.Errorf("the source is broken"))
	if err := writer.Close(); err == nil {
		t.Error("closed as if it were complete")
	}
	wantMissing(t, object)
}

// Of many writers that all want to be the first, one is, and the object is what that one wrote.
func TestOfManyWritersThatWantToBeFirstOneIs(t *testing.T) {
	client := clientAt(t, tidemark.New(t).URL)
	object := client.Bucket(bucket).Object("first.bin").If(storage.Conditions{DoesNotExist: true})
	var wait sync.WaitGroup
	var mu sync.Mutex
	winners := []int{}
	for i := range 6 {
		wait.Go(func() {
			_, err := write(t, object, bytes.Repeat([]byte{byte(i)}, mib), chunkSize(i%2*256*kib))
			if err != nil {
				wantStatus(t, err, 412)
				return
			}
			mu.Lock()
			winners = append(winners, i)
			mu.Unlock()
		})
	}
	wait.Wait()
	if len(winners) != 1 {
		t.Fatalf("the winners are %v", winners)
	}
	wantContent(t, client.Bucket(bucket).Object("first.bin"), bytes.Repeat([]byte{byte(winners[0])}, mib))
}
