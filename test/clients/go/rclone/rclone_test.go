// Package rclone_test runs rclone as its users do, with its Google Cloud Storage backend pointed here. It compares the MD5
// of every upload with the one it counted, reads through an object's mediaLink, and keeps modification times in metadata.
package rclone_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clients/tidemark"
)

const remote = ":gcs:uploads/tree"

func rcloneAt(t *testing.T, url string) *tidemark.Program {
	t.Helper()
	return tidemark.NewProgram(t, "RCLONE", "rclone", []string{
		"--config", os.DevNull,
		"--gcs-endpoint", url + "/storage/v1/", "--gcs-anonymous", "--gcs-no-check-bucket", "--gcs-project-number", "1",
	})
}

func TestCopyCheckAndCopyBack(t *testing.T) {
	server := tidemark.New(t)
	rclone := rcloneAt(t, server.URL)
	tree := tidemark.NewTree(t)
	rclone.Run("copy", tree, remote)
	rclone.Run("check", tree, remote)
	rclone.Run("check", "--download", tree, remote)
	wantLines(t, rclone.Run("md5sum", remote), rclone.Run("md5sum", tree))
	wantLines(t, rclone.Run("lsf", "-R", "--files-only", "--format", "tps", "--csv", remote),
		rclone.Run("lsf", "-R", "--files-only", "--format", "tps", "--csv", tree))

	back := t.TempDir()
	server.Restart()
	rclone.Run("copy", remote, back)
	tidemark.WantSameTree(t, back, tree)
}

// In one line each, in no order.
func wantLines(t *testing.T, got, want string) {
	t.Helper()
	if sorted(got) != sorted(want) || want == "" {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func sorted(text string) string {
	return strings.Join(slices.Sorted(strings.Lines(text)), "")
}

func TestWhatIsThereIsNotSentAgain(t *testing.T) {
	server := tidemark.New(t)
	proxy := tidemark.NewProxy(t, server)
	rclone := rcloneAt(t, proxy.URL)
	tree := tidemark.NewTree(t)
	rclone.Run("copy", tree, remote)
	sent := proxy.Uploaded()
	rclone.Run("copy", tree, remote)
	if again := proxy.Uploaded() - sent; again > 1_000_000 {
		t.Errorf("%d bytes were sent again", again)
	}

	must(t, os.WriteFile(filepath.Join(tree, "a.txt"), []byte("changed"), 0o644))
	must(t, os.Remove(filepath.Join(tree, "empty")))
	rclone.Run("sync", tree, remote)
	rclone.Run("check", tree, remote)
	if again := proxy.Uploaded() - sent; again > 1_000_000 {
		t.Errorf("%d bytes were sent again", again)
	}
}

func TestLargeFileCutAndCopied(t *testing.T) {
	server := tidemark.New(t)
	proxy := tidemark.NewProxy(t, server)
	tree := tidemark.NewTree(t)
	cuts := make(chan struct{})
	first := proxy.CutAfter(3_000_000)
	go func() {
		<-first
		<-proxy.CutAfter(30_000_000)
		close(cuts)
	}()
	rcloneAt(t, proxy.URL).Run("copy", "--low-level-retries", "5", "--retries", "5", tree, remote)
	tidemark.Happened(t, cuts)
	rcloneAt(t, server.URL).Run("check", "--download", tree, remote)
}

func TestServerKilledAndCopied(t *testing.T) {
	server := tidemark.New(t)
	proxy := tidemark.NewProxy(t, server)
	tree := tidemark.NewTree(t)
	killed := proxy.RunAfter(30_000_000, server.Restart)
	rcloneAt(t, proxy.URL).Run("copy", "--low-level-retries", "5", "--retries", "5", tree, remote)
	tidemark.Happened(t, killed)
	rcloneAt(t, server.URL).Run("check", "--download", tree, remote)
}

// rclone finds by the MD5 in the answer that something else arrived, removes it and tries again.
func TestAByteThatChangesOnTheWayIsFound(t *testing.T) {
	server := tidemark.New(t)
	proxy := tidemark.NewProxy(t, server)
	rclone := rcloneAt(t, proxy.URL)
	large := filepath.Join(tidemark.NewTree(t), "large.bin")
	for _, retries := range []int{1, 2} {
		flipped := proxy.FlipBitAfter(20_000_000)
		_, stderr, err := rclone.Try(nil, "copyto", "--retries", fmt.Sprint(retries), large, remote+"/large.bin")
		tidemark.Happened(t, flipped)
		if hasFailed := err != nil; hasFailed != (retries == 1) || !strings.Contains(stderr, "corrupted on transfer") {
			t.Errorf("with %d tries: %v\n%s", retries, err, stderr)
		}
		files := map[int]string{1: "", 2: "tree/large.bin\n"}[retries]
		if got := rclone.Run("lsf", "-R", "--files-only", ":gcs:uploads"); got != files {
			t.Errorf("with %d tries there is %q", retries, got)
		}
	}
}

// Within a bucket and between buckets the server copies, and nothing is sent.
func TestCopyMoveAndDeleteOnTheServer(t *testing.T) {
	server := tidemark.New(t)
	proxy := tidemark.NewProxy(t, server)
	rclone := rcloneAt(t, proxy.URL)
	tree := tidemark.NewTree(t)
	rclone.Run("mkdir", "--gcs-no-check-bucket=false", ":gcs:other-bucket")
	wantLines(t, rclone.Run("lsf", ":gcs:"), "other-bucket/\nuploads/\n")
	rclone.Run("copy", tree, remote)
	sent := proxy.Uploaded()

	rclone.Run("copy", remote, ":gcs:other-bucket/copy")
	rclone.Run("check", tree, ":gcs:other-bucket/copy")
	rclone.Run("move", ":gcs:other-bucket/copy", ":gcs:uploads/moved")
	rclone.Run("check", tree, ":gcs:uploads/moved")
	rclone.Run("moveto", ":gcs:uploads/moved/large.bin", ":gcs:uploads/large again.bin")
	wantLines(t, rclone.Run("lsf", "--files-only", ":gcs:uploads"), "large again.bin\n")
	if again := proxy.Uploaded() - sent; again > 1_000_000 {
		t.Errorf("%d bytes were sent again", again)
	}

	rclone.Run("deletefile", ":gcs:uploads/large again.bin")
	rclone.Run("purge", ":gcs:uploads/moved")
	rclone.Run("rmdir", ":gcs:other-bucket")
	wantLines(t, rclone.Run("lsf", ":gcs:"), "uploads/\n")
	rclone.Run("check", tree, remote)
}

func TestStreamAndRange(t *testing.T) {
	rclone := rcloneAt(t, tidemark.New(t).URL)
	content := strings.Repeat("0123456789", 4_000_000)
	rclone.RunOn([]byte(content), "rcat", remote+"/stream.txt")
	if got := rclone.Run("cat", remote+"/stream.txt"); got != content {
		t.Errorf("read %d other bytes", len(got))
	}
	if got := rclone.Run("cat", "--offset", "20000003", "--count", "5", remote+"/stream.txt"); got != "34567" {
		t.Errorf("got %q", got)
	}
	rclone.Run("touch", "--timestamp", "2020-01-02T03:04:05", remote+"/stream.txt")
	if got := rclone.Run("lsf", "--format", "t", remote); !strings.HasPrefix(got, "2020-01-02 03:04:05") {
		t.Errorf("got %q", got)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
