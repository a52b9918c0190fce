package storage_test

import (
	"strings"
	"testing"

	"clients/tidemark"

	"cloud.google.com/go/storage"
	"google.golang.org/api/option"
)

// All the ways to point the client here, each for a whole round: one request, chunks, a read, a deletion.
func TestEndpoints(t *testing.T) {
	server := tidemark.New(t)
	host := strings.TrimPrefix(server.URL, "http://")
	cases := []struct {
		name     string
		emulator string
		options  []option.ClientOption
	}{
		{"STORAGE_EMULATOR_HOST=host:port", host, nil},
		{"STORAGE_EMULATOR_HOST=http://host:port", server.URL, nil},
		{"STORAGE_EMULATOR_HOST=http://host:port/storage/v1/", server.URL + "/storage/v1/", nil},
		{"WithEndpoint(…/storage/v1/)", "", []option.ClientOption{
			option.WithEndpoint(server.URL + "/storage/v1/"), option.WithoutAuthentication()}},
		{"WithEndpoint without a path", "", []option.ClientOption{
			option.WithEndpoint(server.URL), option.WithoutAuthentication()}},
		{"WithEndpoint, reading over the JSON API", "", []option.ClientOption{
			option.WithEndpoint(server.URL + "/storage/v1/"), option.WithoutAuthentication(), storage.WithJSONReads()}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("STORAGE_EMULATOR_HOST", c.emulator)
			client, err := storage.NewClient(t.Context(), c.options...)
			must(t, err)
			defer client.Close()
			for _, way := range ways {
				object := client.Bucket(bucket).Object("endpoint/" + way.name)
				data := content(way.size)
				put(t, object, data, chunkSize(way.chunk))
				wantContent(t, object, data)
				must(t, object.Delete(t.Context()))
			}
		})
	}
}
