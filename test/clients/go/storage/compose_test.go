package storage_test

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"testing"

	"clients/tidemark"

	"cloud.google.com/go/storage"
)

func TestCompose(t *testing.T) {
	uploads := clientAt(t, tidemark.New(t).URL).Bucket(bucket)
	var sources []*storage.ObjectHandle
	var whole []byte
	for i := range 32 {
		piece := content(i * 10_007)
		source := uploads.Object(fmt.Sprintf("piece-%02d", i))
		put(t, source, piece, nil)
		sources, whole = append(sources, source), append(whole, piece...)
	}
	object := uploads.Object("composed.bin")
	composer := object.ComposerFrom(sources...)
	composer.ContentType = "application/x-thing"
	composer.Metadata = map[string]string{"colour": "grün"}
	attrs, err := composer.Run(t.Context())
	must(t, err)
	want(t, "Size", attrs.Size, int64(len(whole)))
	want(t, "CRC32C", attrs.CRC32C, crc32.Checksum(whole, castagnoli))
	want(t, "ComponentCount", attrs.ComponentCount, 32)
	want(t, "ContentType", attrs.ContentType, "application/x-thing")
	want(t, "length of the MD5", len(attrs.MD5), 0)
	wantMetadata(t, attrs, map[string]string{"colour": "grün"})
	wantContent(t, object, whole)

	// Onto itself, as logs are appended to.
	attrs, err = object.If(storage.Conditions{GenerationMatch: attrs.Generation}).ComposerFrom(object, sources[3]).Run(t.Context())
	must(t, err)
	want(t, "ComponentCount", attrs.ComponentCount, 33)
	wantContent(t, object, append(bytes.Clone(whole), content(3*10_007)...))

	for _, source := range sources {
		must(t, source.Delete(t.Context()))
	}
	wantContent(t, object, append(bytes.Clone(whole), content(3*10_007)...))
}

func TestComposeIsRefused(t *testing.T) {
	uploads := clientAt(t, tidemark.New(t).URL).Bucket(bucket)
	one, two, object := uploads.Object("one"), uploads.Object("two"), uploads.Object("composed.bin")
	attrs := put(t, one, []byte("one"), nil)
	put(t, two, []byte("two"), nil)

	_, err := object.ComposerFrom(one, uploads.Object("none")).Run(t.Context())
	wantStatus(t, err, 404)
	_, err = object.ComposerFrom(one.If(storage.Conditions{GenerationMatch: attrs.Generation + 1}), two).Run(t.Context())
	wantStatus(t, err, 412)
	_, err = object.If(storage.Conditions{GenerationMatch: 1}).ComposerFrom(one, two).Run(t.Context())
	wantStatus(t, err, 412)
	var many []*storage.ObjectHandle
	for range 33 {
		many = append(many, one)
	}
	_, err = object.ComposerFrom(many...).Run(t.Context())
	wantStatus(t, err, 400)
	wrong := object.ComposerFrom(one, two)
	wrong.SendCRC32C, wrong.CRC32C = true, crc32.Checksum([]byte("twoone"), castagnoli)
	_, err = wrong.Run(t.Context())
	wantStatus(t, err, 400)
	wantMissing(t, object)

	right := object.If(storage.Conditions{DoesNotExist: true}).ComposerFrom(one.Generation(attrs.Generation), two)
	right.SendCRC32C, right.CRC32C = true, crc32.Checksum([]byte("onetwo"), castagnoli)
	_, err = right.Run(t.Context())
	must(t, err)
	wantContent(t, object, []byte("onetwo"))
}

func TestComposeThatDeletesItsSources(t *testing.T) {
	uploads := clientAt(t, tidemark.New(t).URL).Bucket(bucket)
	one, two, object := uploads.Object("one"), uploads.Object("two"), uploads.Object("composed.bin")
	put(t, one, []byte("one"), nil)
	put(t, two, []byte("two"), nil)
	composer := object.ComposerFrom(one, two)
	composer.DeleteSourceObjects = true
	_, err := composer.Run(t.Context())
	must(t, err)
	wantContent(t, object, []byte("onetwo"))
	wantMissing(t, one)
	wantMissing(t, two)
}

func TestCopy(t *testing.T) {
	server := tidemark.New(t)
	client := clientAt(t, server.URL)
	uploads := client.Bucket(bucket)
	other := client.Bucket("other-bucket")
	must(t, other.Create(t.Context(), "any", nil))
	data := content(20*mib + 1)
	source := uploads.Object("dir/source.bin")
	before := put(t, source, data, func(writer *storage.Writer) {
		writer.ContentType = "application/x-thing"
		writer.Metadata = map[string]string{"a": "1"}
	})

	var copied, total uint64
	copier := other.Object("dir/copy.bin").If(storage.Conditions{DoesNotExist: true}).CopierFrom(source.Generation(before.Generation))
	copier.ProgressFunc = func(c, of uint64) { copied, total = c, of }
	attrs, err := copier.Run(t.Context())
	must(t, err)
	want(t, "copied", copied, uint64(len(data)))
	want(t, "total", total, uint64(len(data)))
	want(t, "Bucket", attrs.Bucket, "other-bucket")
	want(t, "ContentType", attrs.ContentType, "application/x-thing")
	want(t, "CRC32C", attrs.CRC32C, before.CRC32C)
	wantMetadata(t, attrs, map[string]string{"a": "1"})

	changed := uploads.Object("changed.bin").CopierFrom(source)
	changed.ContentType = "text/plain"
	changed.Metadata = map[string]string{"b": "2"}
	attrs, err = changed.Run(t.Context())
	must(t, err)
	want(t, "ContentType", attrs.ContentType, "text/plain")
	wantMetadata(t, attrs, map[string]string{"b": "2"})

	must(t, source.Delete(t.Context()))
	wantContent(t, other.Object("dir/copy.bin"), data)
	wantContent(t, uploads.Object("changed.bin"), data)
	_, err = uploads.Object("again.bin").CopierFrom(source).Run(t.Context())
	wantStatus(t, err, 404)
	duplicate := other.Object("dir/copy.bin")
	_, err = uploads.Object("changed.bin").If(storage.Conditions{DoesNotExist: true}).CopierFrom(duplicate).Run(t.Context())
	wantStatus(t, err, 412)
	_, err = uploads.Object("again.bin").CopierFrom(duplicate.If(storage.Conditions{GenerationMatch: 1})).Run(t.Context())
	wantStatus(t, err, 412)

	server.Restart()
	wantContent(t, duplicate, data)
}

func TestMove(t *testing.T) {
	uploads := clientAt(t, tidemark.New(t).URL).Bucket(bucket)
	source, object := uploads.Object("a/source.bin"), uploads.Object("b/moved.bin")
	before := put(t, source, content(mib), nil)
	_, err := source.Move(t.Context(), storage.MoveObjectDestination{
		Object: "b/moved.bin", Conditions: &storage.Conditions{GenerationMatch: 1},
	})
	wantStatus(t, err, 412)
	attrs, err := source.Generation(before.Generation).Move(t.Context(), storage.MoveObjectDestination{Object: "b/moved.bin"})
	must(t, err)
	want(t, "Name", attrs.Name, "b/moved.bin")
	wantMissing(t, source)
	wantContent(t, object, content(mib))
}
