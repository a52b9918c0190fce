package storage_test

import (
	"crypto/md5"
	"fmt"
	"hash/crc32"
	"testing"

	"clients/tidemark"

	"cloud.google.com/go/storage"
)

// One request, and a resumable upload of several chunks.
var ways = []struct {
	name  string
	chunk int
	size  int
}{
	{"streamed in one request", 0, mib},
	{"buffered in one request", 16 * mib, mib},
	{"chunks", 256 * kib, mib + 1},
	{"large chunks", 16 * mib, 20 * mib},
}

func TestWrongChecksumIsRefused(t *testing.T) {
	client := clientAt(t, tidemark.New(t).URL)
	for _, way := range ways {
		data := content(way.size)
		wrong := []struct {
			name string
			set  func(*storage.Writer)
		}{
			{"CRC32C", func(writer *storage.Writer) {
				writer.SendCRC32C, writer.CRC32C = true, crc32.Checksum(data, castagnoli)+1
			}},
			{"CRC32C of zero", func(writer *storage.Writer) {
				writer.SendCRC32C, writer.CRC32C = true, 0
			}},
			{"MD5", func(writer *storage.Writer) {
				sum := md5.Sum(data[1:])
				writer.MD5 = sum[:]
			}},
		}
		for _, w := range wrong {
			t.Run(fmt.Sprintf("%s of %s", w.name, way.name), func(t *testing.T) {
				object := client.Bucket(bucket).Object(fmt.Sprintf("%s/%s", way.name, w.name))
				_, err := write(t, object, data, func(writer *storage.Writer) {
					writer.ChunkSize = way.chunk
					w.set(writer)
				})
				wantStatus(t, err, 400)
				wantMissing(t, object)
			})
		}
	}
}

func TestRightChecksumIsAccepted(t *testing.T) {
	client := clientAt(t, tidemark.New(t).URL)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			data := content(way.size)
			sum := md5.Sum(data)
			object := client.Bucket(bucket).Object(way.name)
			put(t, object, data, func(writer *storage.Writer) {
				writer.ChunkSize = way.chunk
				writer.SendCRC32C, writer.CRC32C = true, crc32.Checksum(data, castagnoli)
				writer.MD5 = sum[:]
			})
			wantContent(t, object, data)
		})
	}
}

// The client sums up what it sends by itself, in the metadata of one request or in the header of the last chunk.
func TestAByteThatChangesOnTheWayIsRefused(t *testing.T) {
	server := tidemark.New(t)
	proxy := tidemark.NewProxy(t, server)
	client := clientAt(t, proxy.URL)
	for _, way := range ways[1:] {
		t.Run(way.name, func(t *testing.T) {
			object := client.Bucket(bucket).Object(way.name)
			flipped := proxy.FlipBitAfter(int64(way.size) / 2)
			_, err := write(t, object, content(way.size), chunkSize(way.chunk))
			wantStatus(t, err, 400)
			tidemark.Happened(t, flipped)
			wantMissing(t, object)
		})
	}
}
