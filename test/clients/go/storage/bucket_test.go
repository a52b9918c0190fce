package storage_test

import (
	"errors"
	"slices"
	"testing"

	"clients/tidemark"

	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"
)

func TestBuckets(t *testing.T) {
	client := clientAt(t, tidemark.New(t).URL)
	fresh := client.Bucket("fresh-bucket")
	if _, err := fresh.Attrs(t.Context()); !errors.Is(err, storage.ErrBucketNotExist) {
		t.Errorf("want no bucket, got %v", err)
	}
	must(t, fresh.Create(t.Context(), "any", &storage.BucketAttrs{
		Location: "EU", StorageClass: "NEARLINE", Labels: map[string]string{"team": "sea"},
	}))
	attrs, err := fresh.Attrs(t.Context())
	must(t, err)
	want(t, "Name", attrs.Name, "fresh-bucket")
	want(t, "Location", attrs.Location, "EU")
	want(t, "StorageClass", attrs.StorageClass, "NEARLINE")
	want(t, "label", attrs.Labels["team"], "sea")
	want(t, "MetaGeneration", attrs.MetaGeneration, 1)
	if attrs.Created.IsZero() || attrs.Updated.IsZero() || attrs.Etag == "" {
		t.Errorf("something is missing in %+v", attrs)
	}
	wantStatus(t, fresh.Create(t.Context(), "any", nil), 409)
	wantStatus(t, client.Bucket("No").Create(t.Context(), "any", nil), 400)
	if got := buckets(t, client); !slices.Equal(got, []string{"fresh-bucket", "uploads"}) {
		t.Errorf("got %q", got)
	}

	put(t, fresh.Object("o"), []byte("content"), nil)
	wantStatus(t, fresh.Delete(t.Context()), 409)
	must(t, fresh.Object("o").Delete(t.Context()))
	must(t, fresh.Delete(t.Context()))
	if got := buckets(t, client); !slices.Equal(got, []string{"uploads"}) {
		t.Errorf("got %q", got)
	}
	wantStatus(t, fresh.Delete(t.Context()), 404)
}

func buckets(t *testing.T, client *storage.Client) []string {
	t.Helper()
	var names []string
	for all := client.Buckets(t.Context(), "any"); ; {
		attrs, err := all.Next()
		if errors.Is(err, iterator.Done) {
			return names
		}
		must(t, err)
		names = append(names, attrs.Name)
	}
}

func TestBucketUpdate(t *testing.T) {
	uploads := clientAt(t, tidemark.New(t).URL).Bucket(bucket)
	change := storage.BucketAttrsToUpdate{}
	change.SetLabel("team", "sea")
	attrs, err := uploads.Update(t.Context(), change)
	must(t, err)
	want(t, "label", attrs.Labels["team"], "sea")
	want(t, "MetaGeneration", attrs.MetaGeneration, 2)
	change = storage.BucketAttrsToUpdate{}
	change.DeleteLabel("team")
	_, err = uploads.If(storage.BucketConditions{MetagenerationMatch: 1}).Update(t.Context(), change)
	wantStatus(t, err, 412)
	attrs, err = uploads.If(storage.BucketConditions{MetagenerationMatch: 2}).Update(t.Context(), change)
	must(t, err)
	want(t, "labels", len(attrs.Labels), 0)
}

func TestPermissionsAreAllGranted(t *testing.T) {
	uploads := clientAt(t, tidemark.New(t).URL).Bucket(bucket)
	asked := []string{"storage.objects.create", "storage.objects.get"}
	granted, err := uploads.IAM().TestPermissions(t.Context(), asked)
	must(t, err)
	if !slices.Equal(granted, asked) {
		t.Errorf("got %q", granted)
	}
}
