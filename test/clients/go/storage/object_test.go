package storage_test

import (
	"errors"
	"maps"
	"testing"
	"time"

	"clients/tidemark"

	"cloud.google.com/go/storage"
)

func TestMetadata(t *testing.T) {
	client := clientAt(t, tidemark.New(t).URL)
	customTime := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) // The client sends no fraction.
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			object := client.Bucket(bucket).Object(way.name)
			put(t, object, content(way.size), func(writer *storage.Writer) {
				writer.ChunkSize = way.chunk
				writer.ContentType = "application/x-thing"
				writer.CacheControl = "public, max-age=60"
				writer.ContentDisposition = `attachment; filename="thing.bin"`
				writer.ContentLanguage = "de"
				writer.StorageClass = "NEARLINE"
				writer.CustomTime = customTime
				writer.Metadata = map[string]string{"colour": "grün", "empty": ""}
			})
			attrs, err := object.Attrs(t.Context())
			must(t, err)
			want(t, "ContentType", attrs.ContentType, "application/x-thing")
			want(t, "CacheControl", attrs.CacheControl, "public, max-age=60")
			want(t, "ContentDisposition", attrs.ContentDisposition, `attachment; filename="thing.bin"`)
			want(t, "ContentLanguage", attrs.ContentLanguage, "de")
			want(t, "StorageClass", attrs.StorageClass, "NEARLINE")
			want(t, "CustomTime", attrs.CustomTime.UTC(), customTime)
			wantMetadata(t, attrs, map[string]string{"colour": "grün", "empty": ""})
		})
	}
}

func wantMetadata(t *testing.T, attrs *storage.ObjectAttrs, want map[string]string) {
	t.Helper()
	if !maps.Equal(attrs.Metadata, want) {
		t.Errorf("Metadata: got %v, want %v", attrs.Metadata, want)
	}
}

func TestContentTypeIsWhatTheClientFindsItToBe(t *testing.T) {
	client := clientAt(t, tidemark.New(t).URL)
	page := append([]byte("<!DOCTYPE html><title>t</title>"), make([]byte, 600*kib)...)
	for _, chunk := range []int{0, 256 * kib, 16 * mib} {
		attrs := put(t, client.Bucket(bucket).Object("page"), page, chunkSize(chunk))
		want(t, "ContentType", attrs.ContentType, "text/html; charset=utf-8")
	}
}

func TestNames(t *testing.T) {
	client := clientAt(t, tidemark.New(t).URL)
	for _, name := range []string{
		"a", "with space.txt", "a/b/c", "a//b", "/leading", "trailing/", "100%", "%2F", "a+b&c=d?e#f", "x/acl", "a/compose",
		"a/rewriteTo/b/c/o/d", "ünï/日本語/😀", "quote\"'<>", "tab\there", "..."} {
		t.Run(name, func(t *testing.T) {
			object := client.Bucket(bucket).Object(name)
			put(t, object, []byte(name), nil)
			attrs, err := object.Attrs(t.Context())
			must(t, err)
			want(t, "Name", attrs.Name, name)
			wantContent(t, object, []byte(name))
			must(t, object.Delete(t.Context()))
			wantMissing(t, object)
		})
	}
}

func TestUpdate(t *testing.T) {
	object := clientAt(t, tidemark.New(t).URL).Bucket(bucket).Object("updated.bin")
	before := put(t, object, []byte("content"), func(writer *storage.Writer) {
		writer.ContentType = "text/plain"
		writer.CacheControl = "no-store"
		writer.ContentLanguage = "de"
		writer.Metadata = map[string]string{"a": "1", "b": "2"}
	})

	attrs, err := object.Update(t.Context(), storage.ObjectAttrsToUpdate{
		CacheControl: "public",
		Metadata:     map[string]string{"b": "3", "c": "4"},
	})
	must(t, err)
	want(t, "CacheControl", attrs.CacheControl, "public")
	want(t, "ContentType", attrs.ContentType, "text/plain")
	want(t, "Metageneration", attrs.Metageneration, 2)
	want(t, "Generation", attrs.Generation, before.Generation)
	wantMetadata(t, attrs, map[string]string{"a": "1", "b": "3", "c": "4"})

	attrs, err = object.Update(t.Context(), storage.ObjectAttrsToUpdate{
		ContentLanguage: "",
		Metadata:        map[string]string{},
	})
	must(t, err)
	want(t, "ContentLanguage", attrs.ContentLanguage, "")
	wantMetadata(t, attrs, nil)
	want(t, "Metageneration", attrs.Metageneration, 3)

	_, err = object.If(storage.Conditions{MetagenerationMatch: 2}).Update(t.Context(), storage.ObjectAttrsToUpdate{CacheControl: "no"})
	wantStatus(t, err, 412)
	attrs, err = object.If(storage.Conditions{MetagenerationMatch: 3}).Update(t.Context(), storage.ObjectAttrsToUpdate{CacheControl: ""})
	must(t, err)
	want(t, "CacheControl", attrs.CacheControl, "")
	stored, err := object.Attrs(t.Context())
	must(t, err)
	want(t, "Metageneration", stored.Metageneration, 4)
	wantContent(t, object, []byte("content"))

	_, err = clientAt(t, tidemark.New(t).URL).Bucket(bucket).Object("none").Update(t.Context(), storage.ObjectAttrsToUpdate{CacheControl: "no"})
	if !errors.Is(err, storage.ErrObjectNotExist) {
		t.Errorf("want no object, got %v", err)
	}
}

func TestConditionsOfAnUpload(t *testing.T) {
	client := clientAt(t, tidemark.New(t).URL)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			object := client.Bucket(bucket).Object(way.name)
			try := func(conditions storage.Conditions) (*storage.ObjectAttrs, error) {
				return write(t, object.If(conditions), content(way.size), chunkSize(way.chunk))
			}
			_, err := try(storage.Conditions{GenerationMatch: 1})
			wantStatus(t, err, 412)
			wantMissing(t, object)
			first, err := try(storage.Conditions{DoesNotExist: true})
			must(t, err)
			_, err = try(storage.Conditions{DoesNotExist: true})
			wantStatus(t, err, 412)
			_, err = try(storage.Conditions{GenerationMatch: first.Generation + 1})
			wantStatus(t, err, 412)
			_, err = try(storage.Conditions{GenerationNotMatch: first.Generation})
			wantStatus(t, err, 412)
			_, err = try(storage.Conditions{MetagenerationMatch: 2})
			wantStatus(t, err, 412)
			second, err := try(storage.Conditions{GenerationMatch: first.Generation, MetagenerationMatch: 1})
			must(t, err)
			if second.Generation <= first.Generation {
				t.Errorf("generation %d follows %d", second.Generation, first.Generation)
			}
			stored, err := object.Attrs(t.Context())
			must(t, err)
			want(t, "Generation", stored.Generation, second.Generation)
		})
	}
}

func TestConditionsOfReadingAndDeleting(t *testing.T) {
	object := clientAt(t, tidemark.New(t).URL).Bucket(bucket).Object("conditional.bin")
	attrs := put(t, object, []byte("content"), nil)
	right := storage.Conditions{GenerationMatch: attrs.Generation, MetagenerationMatch: 1}
	wrong := storage.Conditions{GenerationMatch: attrs.Generation + 1}

	wantContent(t, object.If(right), []byte("content"))
	wantContent(t, object.Generation(attrs.Generation), []byte("content"))
	_, err := object.If(wrong).NewReader(t.Context())
	wantStatus(t, err, 412)
	_, err = object.If(wrong).Attrs(t.Context())
	wantStatus(t, err, 412)
	_, err = object.Generation(attrs.Generation + 1).NewReader(t.Context())
	if !errors.Is(err, storage.ErrObjectNotExist) {
		t.Errorf("want no object, got %v", err)
	}
	wantStatus(t, object.If(wrong).Delete(t.Context()), 412)
	must(t, object.If(right).Delete(t.Context()))
	wantMissing(t, object)
}

func TestWhatIsNotThere(t *testing.T) {
	client := clientAt(t, tidemark.New(t).URL)
	object := client.Bucket(bucket).Object("none")
	wantMissing(t, object)
	if err := object.Delete(t.Context()); !errors.Is(err, storage.ErrObjectNotExist) {
		t.Errorf("want no object, got %v", err)
	}
	if _, err := object.NewReader(t.Context()); !errors.Is(err, storage.ErrObjectNotExist) {
		t.Errorf("want no object, got %v", err)
	}
	_, err := write(t, client.Bucket("no-such-bucket").Object("o"), content(mib), chunkSize(256*kib))
	wantStatus(t, err, 404)
	_, err = write(t, client.Bucket("no-such-bucket").Object("o"), content(13), nil)
	wantStatus(t, err, 404)
}
