// A resumable upload by the client that openapi-generator makes of openapi.yaml, through a network that breaks once.
//
// X-GUploader-No-308 makes "not complete" a 200 with a header, which generated Go takes for a success without a body.
package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	tidemark "tidemark/client"
)

const (
	total  = 3_000_000
	chunk  = 1024 * 1024
	bucket = "uploads"
	name   = "go/folder/video.bin"
)

var (
	ctx    = context.Background()
	client *tidemark.APIClient
)

func content(start, end int) []byte {
	b := make([]byte, end-start)
	for at := range b {
		i := start + at
		b[at] = byte(i*31 + i>>8)
	}
	return b
}

func check(holds bool, what ...any) {
	if !holds {
		panic(fmt.Sprint(what...))
	}
}

// put answers the object once it is complete, and how much is persisted until then.
func put(session, contentRange string, body []byte) (*tidemark.StoredObject, int, error) {
	request := client.UploadsAPI.UploadChunk(ctx, bucket).UploadId(session).XGUploaderNo308("yes")
	stored, response, err := request.ContentRange("bytes " + contentRange).Body(body).Execute()
	if err != nil {
		return nil, 0, err
	}
	if response.Header.Get("X-HTTP-Status-Code-Override") != "308" {
		return stored, total, nil
	}
	last := strings.TrimPrefix(response.Header.Get("Range"), "bytes=0-")
	if last == "" {
		return nil, 0, nil
	}
	at, err := strconv.Atoi(last)
	return nil, at + 1, err
}

func main() {
	configuration := tidemark.NewConfiguration()
	configuration.Servers = tidemark.ServerConfigurations{{URL: os.Args[1]}}
	client = tidemark.NewAPIClient(configuration)

	metadata := tidemark.NewObjectMetadata()
	metadata.SetContentType("video/mp4")
	metadata.SetMetadata(map[string]string{"title": "Holidays"})
	begun, err := client.UploadsAPI.StartUpload(ctx, bucket).UploadType("resumable").Name(name).
		XUploadContentLength(total).ObjectMetadata(*metadata).Execute()
	check(err == nil, err)
	session := begun.Header.Get("X-GUploader-UploadID")
	_, at, err := put(session, fmt.Sprintf("0-%d/%d", chunk-1, total), content(0, chunk))
	check(err == nil && at == chunk, err, at)

	breaks, acknowledged := 0, at
	var stored *tidemark.StoredObject
	for stored == nil {
		end := min(at+chunk, total)
		stored, at, err = put(session, fmt.Sprintf("%d-%d/%d", at, end-1, total), content(at, end))
		if err != nil {
			// Once more from the byte that was acknowledged last: what arrived since is skipped. To ask first it would have to send
			// an empty body, which generated Go refuses to.
			breaks++
			check(breaks < 300, err)
			stored, at = nil, acknowledged
			time.Sleep(100 * time.Millisecond)
			continue
		}
		acknowledged = at
	}
	check(breaks > 0, "it did not break")

	check(stored.Name == name && stored.Size == strconv.Itoa(total) && stored.ContentType == "video/mp4", stored)
	found, _, err := client.ObjectsAPI.GetObject(ctx, bucket, name).Execute()
	check(err == nil && found.Generation == stored.Generation && found.GetMetadata()["title"] == "Holidays", err, found)
	read, _, err := client.ObjectsAPI.DownloadObject(ctx, bucket, name).Execute()
	check(err == nil && bytes.Equal(read, content(0, total)), err)
	list, _, err := client.ObjectsAPI.ListObjects(ctx, bucket).Prefix("go/").Execute()
	check(err == nil && len(list.Items) == 1 && list.Items[0].Name == name, err, list)
	_, err = client.ObjectsAPI.DeleteObject(ctx, bucket, name).Execute()
	check(err == nil, err)
	_, response, err := client.ObjectsAPI.GetObject(ctx, bucket, name).Execute()
	check(err != nil && response.StatusCode == http.StatusNotFound, err)
}
