// Package restic_test runs restic as its users do. It has no option for an endpoint; Google's client inside it goes by
// STORAGE_EMULATOR_HOST. A token it does not need has to be there all the same, as it looks for credentials first. Every file
// goes as one multipart request with its MD5, and restic itself repeats those that fail. The bucket has to exist: this version
// does not understand its own client's answer when it looks for one that does not.
package restic_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clients/tidemark"
)

func resticAt(t *testing.T, url string) *tidemark.Program {
	t.Helper()
	return tidemark.NewProgram(t, "RESTIC", "restic", []string{"--no-cache", "-r", "gs:uploads:/host"},
		"STORAGE_EMULATOR_HOST="+url, "GOOGLE_PROJECT_ID=any", "GOOGLE_ACCESS_TOKEN=any", "RESTIC_PASSWORD=secret")
}

func TestBackupCheckAndRestore(t *testing.T) {
	server := tidemark.New(t)
	restic := resticAt(t, server.URL)
	tree := tidemark.NewTree(t)
	restic.Run("init")
	restic.Run("backup", tree)
	restic.Run("check", "--read-data")
	server.Restart()
	wantRestored(t, restic, tree)

	must(t, os.WriteFile(filepath.Join(tree, "a.txt"), []byte("changed"), 0o644))
	must(t, os.Remove(filepath.Join(tree, "medium.bin")))
	restic.Run("backup", tree)
	wantSnapshots(t, restic, 2)
	restic.Run("forget", "--keep-last", "1", "--prune")
	wantSnapshots(t, restic, 1)
	restic.Run("check", "--read-data")
	wantRestored(t, restic, tree)
}

func wantRestored(t *testing.T, restic *tidemark.Program, tree string) {
	t.Helper()
	target := t.TempDir()
	restic.Run("restore", "latest", "--target", target)
	tidemark.WantSameTree(t, filepath.Join(target, tree), tree)
}

func wantSnapshots(t *testing.T, restic *tidemark.Program, want int) {
	t.Helper()
	if got := strings.Count(restic.Run("snapshots", "--json"), `"short_id"`); got != want {
		t.Errorf("got %d snapshots, want %d", got, want)
	}
}

func TestBackupThroughABadNetwork(t *testing.T) {
	faults := map[string]func(*tidemark.Server, *tidemark.Proxy) <-chan struct{}{
		"cut": func(_ *tidemark.Server, proxy *tidemark.Proxy) <-chan struct{} {
			return proxy.CutAfter(20_000_000)
		},
		"server killed": func(server *tidemark.Server, proxy *tidemark.Proxy) <-chan struct{} {
			return proxy.RunAfter(20_000_000, server.Restart)
		},
		"answer lost": func(_ *tidemark.Server, proxy *tidemark.Proxy) <-chan struct{} {
			return proxy.LoseAnswerAfter(20_000_000)
		},
		"a byte changed": func(_ *tidemark.Server, proxy *tidemark.Proxy) <-chan struct{} {
			return proxy.FlipBitAfter(20_000_000)
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			server := tidemark.New(t)
			proxy := tidemark.NewProxy(t, server)
			tree := tidemark.NewTree(t)
			restic := resticAt(t, proxy.URL)
			restic.Run("init")
			happened := fault(server, proxy)
			restic.Run("backup", tree)
			tidemark.Happened(t, happened)
			restic.Run("check", "--read-data")
			wantRestored(t, restic, tree)
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
