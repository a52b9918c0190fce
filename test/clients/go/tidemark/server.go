// Package tidemark has what every client's tests need: the program as people run it, in a process of its own that a test
// kills and starts again, and a bad network in front of it. Everything is on loopback.
package tidemark

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const startUp = 30 * time.Second

// Server is a running Tidemark with a bucket called "uploads". Its port and its data outlive Restart.
type Server struct {
	URL string

	t       testing.TB
	port    int
	folder  string
	mu      sync.Mutex // A proxy restarts it while the test may be ending.
	process *exec.Cmd
	isOver  bool
}

// New starts a server of the test's own, which the test's end kills.
func New(t testing.TB) *Server {
	t.Helper()
	port := freePort()
	server := &Server{URL: fmt.Sprintf("http://127.0.0.1:%d", port), t: t, port: port, folder: t.TempDir()}
	t.Cleanup(server.end)
	server.Restart()
	if t.Failed() {
		t.FailNow()
	}
	return server
}

// Restart is kill −9, where it runs, and a start on the same data. Nothing is said to anybody. It returns when the server
// answers.
func (s *Server) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kill()
	if !s.isOver {
		s.start()
	}
}

func (s *Server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kill()
	s.isOver = true
}

func (s *Server) kill() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill() // Gone already is as good.
	_ = s.process.Wait()         // Killed, as wanted.
	s.process = nil
}

func (s *Server) start() {
	log, err := os.OpenFile(s.logPath(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer log.Close()
	root := repository()
	node := os.Getenv("NODE")
	if node == "" {
		node = filepath.Join(root, "node_modules", ".bin", "node")
	}
	process := exec.Command(node, filepath.Join(root, "src", "main.ts"))
	process.Env = []string{
		"PATH=" + os.Getenv("PATH"),
		fmt.Sprintf("TIDEMARK_PORT=%d", s.port),
		"TIDEMARK_DATA_DIR=" + filepath.Join(s.folder, "data"),
	}
	process.Stdout, process.Stderr = log, log
	if err := process.Start(); err != nil {
		s.t.Error(err)
		return
	}
	s.process = process
	if !s.waitUntilUp() {
		text, _ := os.ReadFile(s.logPath())
		s.t.Errorf("the server did not start:\n%s", text)
	}
}

func (s *Server) logPath() string {
	return filepath.Join(s.folder, "server.log")
}

func (s *Server) waitUntilUp() bool {
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for deadline := time.Now().Add(startUp); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		answer, err := client.Get(s.URL + "/-/livez")
		if err == nil {
			answer.Body.Close()
			return true
		}
	}
	return false
}

// freePort finds one outside the range that the system takes from for outgoing connections: one of those could sit on a
// killed server's port.
func freePort() int {
	for {
		port := 12_000 + rand.IntN(20_000)
		probe, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			probe.Close()
			return port
		}
	}
}

// repository is where src/main.ts is, above the folder that the tests run in.
func repository() string {
	folder, err := os.Getwd()
	for err == nil && !strings.HasSuffix(folder, string(filepath.Separator)) {
		if _, missing := os.Stat(filepath.Join(folder, "src", "main.ts")); missing == nil {
			return folder
		}
		folder = filepath.Dir(folder)
	}
	panic("the tests do not run inside the repository")
}
