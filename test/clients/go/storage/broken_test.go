package storage_test

import (
	"fmt"
	"io"
	"sync"
	"testing"

	"clients/tidemark"

	"cloud.google.com/go/storage"
)

// broken is a server, a bad network before it, and an object behind both.
func broken(t *testing.T) (*tidemark.Server, *tidemark.Proxy, *storage.ObjectHandle) {
	t.Helper()
	server := tidemark.New(t)
	proxy := tidemark.NewProxy(t, server)
	return server, proxy, clientAt(t, proxy.URL).Bucket(bucket).Object("broken.bin")
}

func TestCutAndResumed(t *testing.T) {
	data := content(40*mib + 54_321)
	for _, chunk := range []int{256 * kib, 16 * mib} {
		t.Run(fmt.Sprintf("ChunkSize %d", chunk), func(t *testing.T) {
			_, proxy, object := broken(t)
			cuts := make(chan struct{})
			first := proxy.CutAfter(700_001)
			go func() {
				<-first
				for _, distance := range []int64{1, 3*mib + 17, 9*mib + 5, 300_000} {
					<-proxy.CutAfter(distance)
				}
				close(cuts)
			}()
			attrs := put(t, object, data, chunkSize(chunk))
			tidemark.Happened(t, cuts)
			want(t, "Size", attrs.Size, int64(len(data)))
			wantContent(t, object, data)
			wantResumed(t, proxy, len(data)+5*chunk)
		})
	}
}

// wantResumed allows one chunk again for each break, and the headers.
func wantResumed(t *testing.T, proxy *tidemark.Proxy, limit int) {
	t.Helper()
	if sent := proxy.Uploaded(); sent > int64(limit+mib) {
		t.Errorf("%d bytes were sent where %d are enough", sent, limit)
	}
}

func TestServerKilledAndResumed(t *testing.T) {
	data := content(40*mib + 54_321)
	for _, chunk := range []int{256 * kib, 16 * mib} {
		t.Run(fmt.Sprintf("ChunkSize %d", chunk), func(t *testing.T) {
			server, proxy, object := broken(t)
			again := make(chan (<-chan struct{}), 1)
			first := proxy.RunAfter(5*mib+1, server.Restart)
			go func() {
				<-first
				again <- proxy.RunAfter(20*mib+1, server.Restart)
			}()
			attrs := put(t, object, data, chunkSize(chunk))
			tidemark.Happened(t, <-again)
			wantResumed(t, proxy, len(data)+2*chunk)
			want(t, "Size", attrs.Size, int64(len(data)))
			wantContent(t, object, data)
			server.Restart()
			wantContent(t, object, data)
		})
	}
}

// The client sends the last chunk again; the session is complete and gives the same answer.
func TestLastAnswerLost(t *testing.T) {
	for _, hasServerDied := range []bool{false, true} {
		t.Run(fmt.Sprintf("killed %v", hasServerDied), func(t *testing.T) {
			server, proxy, object := broken(t)
			data := content(600 * kib)
			lost := proxy.LoseAnswerAfter(600 * kib)
			var restarted sync.WaitGroup
			if hasServerDied {
				restarted.Go(func() {
					<-lost
					server.Restart()
				})
			}
			first := object.If(storage.Conditions{DoesNotExist: true})
			attrs := put(t, first, data, chunkSize(256*kib))
			restarted.Wait()
			tidemark.Happened(t, lost)
			stored, err := object.Attrs(t.Context())
			must(t, err)
			want(t, "Generation", stored.Generation, attrs.Generation)
			wantContent(t, object, data)
		})
	}
}

func TestAnswerOfAChunkLost(t *testing.T) {
	_, proxy, object := broken(t)
	data := content(600 * kib)
	lost := proxy.LoseAnswerAfter(300 * kib)
	attrs := put(t, object, data, chunkSize(256*kib))
	tidemark.Happened(t, lost)
	want(t, "Size", attrs.Size, 600*kib)
	wantContent(t, object, data)
}

// With a precondition the client also repeats what fits in one request.
func TestOneRequestCutAndRepeated(t *testing.T) {
	_, proxy, object := broken(t)
	data := content(3 * mib)
	cut := proxy.CutAfter(2 * mib)
	put(t, object.If(storage.Conditions{DoesNotExist: true}), data, nil)
	tidemark.Happened(t, cut)
	wantContent(t, object, data)
}

// Without a buffer the client has nothing to send again: the upload fails, and nothing of it appears.
func TestWithoutChunksACutIsTheEndAndNothingAppears(t *testing.T) {
	_, proxy, object := broken(t)
	put(t, object, []byte("as it was"), nil)
	cut := proxy.CutAfter(2 * mib)
	if _, err := write(t, object, content(3*mib), chunkSize(0)); err == nil {
		t.Error("an upload that was cut has succeeded")
	}
	tidemark.Happened(t, cut)
	wantContent(t, object, []byte("as it was"))
}

// The reader opens the rest as a range of the same generation.
func TestReadCutAndContinued(t *testing.T) {
	server, proxy, object := broken(t)
	data := content(20 * mib)
	put(t, object, data, nil)
	cut := proxy.CutAnswerAfter(7*mib + 3)
	wantContent(t, object, data)
	tidemark.Happened(t, cut)

	reader, err := object.NewReader(t.Context())
	must(t, err)
	defer reader.Close()
	start := make([]byte, 64*kib)
	_, err = io.ReadFull(reader, start)
	must(t, err)
	put(t, clientAt(t, server.URL).Bucket(bucket).Object("other.bin"), start, nil)
	server.Restart()
	rest, err := io.ReadAll(reader)
	if err != nil || len(start)+len(rest) != len(data) {
		t.Errorf("read %d of %d bytes over a restart: %v", len(start)+len(rest), len(data), err)
	}
}
