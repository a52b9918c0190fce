package storage_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"testing"

	"clients/tidemark"

	"cloud.google.com/go/storage"
	"cloud.google.com/go/storage/transfermanager"
	"google.golang.org/api/option"
)

// The client reads over the XML API unless it is told otherwise.
var readers = []struct {
	name    string
	options []option.ClientOption
}{
	{"XML", nil},
	{"JSON", []option.ClientOption{storage.WithJSONReads()}},
}

func TestReadRanges(t *testing.T) {
	server := tidemark.New(t)
	all := content(3*mib + 5)
	size := int64(len(all))
	put(t, clientAt(t, server.URL).Bucket(bucket).Object("dir/ranges.bin"), all, func(writer *storage.Writer) {
		writer.ContentType = "application/x-thing"
		writer.CacheControl = "no-store"
		writer.Metadata = map[string]string{"colour": "red"}
	})
	cases := []struct{ offset, length, start, end int64 }{
		{0, -1, 0, size},
		{0, 1, 0, 1},
		{0, size, 0, size},
		{0, size + 100, 0, size},
		{1, -1, 1, size},
		{1_000_000, 1_000_000, 1_000_000, 2_000_000},
		{size - 1, -1, size - 1, size},
		{size - 1, 100, size - 1, size},
		{-5, -1, size - 5, size},
		{-size - 100, -1, 0, size},
		{0, 0, 0, 0},
	}
	for _, r := range readers {
		object := clientAt(t, server.URL, r.options...).Bucket(bucket).Object("dir/ranges.bin")
		for _, c := range cases {
			t.Run(fmt.Sprintf("%s, offset %d, length %d", r.name, c.offset, c.length), func(t *testing.T) {
				reader, err := object.NewRangeReader(t.Context(), c.offset, c.length)
				must(t, err)
				defer reader.Close()
				got, err := io.ReadAll(reader)
				must(t, err)
				if !bytes.Equal(got, all[c.start:c.end]) {
					t.Errorf("got %d other bytes", len(got))
				}
				want(t, "Size", reader.Attrs.Size, size)
				want(t, "StartOffset", reader.Attrs.StartOffset, c.start)
				want(t, "ContentType", reader.Attrs.ContentType, "application/x-thing")
				want(t, "CacheControl", reader.Attrs.CacheControl, "no-store")
				want(t, "Metageneration", reader.Attrs.Metageneration, 1)
				if reader.Attrs.Generation <= 0 || reader.Attrs.LastModified.IsZero() {
					t.Errorf("something is missing in %+v", reader.Attrs)
				}
			})
		}
		t.Run(r.name+", beyond the end", func(t *testing.T) {
			_, err := object.NewRangeReader(t.Context(), size, 10)
			wantStatus(t, err, 416)
		})
	}
	t.Run("XML, metadata", func(t *testing.T) {
		reader, err := clientAt(t, server.URL).Bucket(bucket).Object("dir/ranges.bin").NewReader(t.Context())
		must(t, err)
		defer reader.Close()
		want(t, "Metadata", reader.Metadata()["Colour"], "red")
	})
}

func TestReadEmpty(t *testing.T) {
	server := tidemark.New(t)
	for _, r := range readers {
		object := clientAt(t, server.URL, r.options...).Bucket(bucket).Object("empty")
		put(t, object, nil, nil)
		wantContent(t, object, nil)
	}
}

// Stored compressed: read as it is, or as what it was, whoever decompresses it.
func TestReadGzip(t *testing.T) {
	server := tidemark.New(t)
	plain := bytes.Repeat([]byte("Nothing is lost. "), 50_000)
	var packed bytes.Buffer
	packer := gzip.NewWriter(&packed)
	_, err := packer.Write(plain)
	must(t, err)
	must(t, packer.Close())
	for _, r := range readers {
		for _, chunk := range []int{0, 16 * mib} {
			t.Run(fmt.Sprintf("%s, ChunkSize %d", r.name, chunk), func(t *testing.T) {
				object := clientAt(t, server.URL, r.options...).Bucket(bucket).Object("packed.txt")
				attrs := put(t, object, packed.Bytes(), func(writer *storage.Writer) {
					writer.ChunkSize = chunk
					writer.ContentType = "text/plain"
					writer.ContentEncoding = "gzip"
				})
				want(t, "Size", attrs.Size, int64(packed.Len()))
				want(t, "ContentEncoding", attrs.ContentEncoding, "gzip")
				wantContent(t, object, plain)
				if r.name == "XML" { // The generated JSON client refuses a header of one's own for this.
					wantContent(t, object.ReadCompressed(true), packed.Bytes())
				}
				// A range of it does not exist in decompressed form: the server sends everything.
				reader, err := object.NewRangeReader(t.Context(), 0, 10)
				must(t, err)
				defer reader.Close()
				got, err := io.ReadAll(reader)
				must(t, err)
				want(t, "Decompressed", reader.Attrs.Decompressed, true)
				if !bytes.Equal(got, plain) {
					t.Errorf("got %d other bytes", len(got))
				}
			})
		}
	}
}

func TestTransferManagerReadsPartsInParallel(t *testing.T) {
	client := clientAt(t, tidemark.New(t).URL)
	all := content(20*mib + 3)
	put(t, client.Bucket(bucket).Object("parts.bin"), all, nil)
	downloader, err := transfermanager.NewDownloader(client, transfermanager.WithWorkers(4), transfermanager.WithPartSize(3*mib))
	must(t, err)
	buffer := transfermanager.NewDownloadBuffer(make([]byte, len(all)))
	must(t, downloader.DownloadObject(t.Context(), &transfermanager.DownloadObjectInput{
		Bucket: bucket, Object: "parts.bin", Destination: buffer,
	}))
	results, err := downloader.WaitAndClose()
	must(t, err)
	want(t, "results", len(results), 1)
	must(t, results[0].Err)
	if !bytes.Equal(buffer.Bytes(), all) {
		t.Error("the parts do not make up the object")
	}
}
