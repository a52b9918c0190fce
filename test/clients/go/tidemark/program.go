package tidemark

import (
	"bytes"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// Program is a client that is a command. It sees nothing of the user's own settings.
type Program struct {
	t       testing.TB
	command string
	args    []string
	env     []string
}

// NewProgram finds the command in an environment variable of its name in capitals, or else by its name, and gives it args
// before all others.
func NewProgram(t testing.TB, variable, name string, args []string, env ...string) *Program {
	t.Helper()
	command := os.Getenv(variable)
	if command == "" {
		command = name
	}
	home := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LC_ALL=C.UTF-8"}
	return &Program{t: t, command: command, args: args, env: append(home, env...)}
}

// Run answers what it wrote to standard output; a failure ends the test.
func (p *Program) Run(args ...string) string {
	p.t.Helper()
	return p.RunOn(nil, args...)
}

// RunOn is Run with something to read on standard input.
func (p *Program) RunOn(input []byte, args ...string) string {
	p.t.Helper()
	stdout, stderr, err := p.Try(input, args...)
	if err != nil {
		p.t.Fatalf("%s %q: %v\n%s%s", p.command, args, err, stdout, stderr)
	}
	return stdout
}

// Try answers what it wrote, and whether it failed.
func (p *Program) Try(input []byte, args ...string) (stdout, stderr string, err error) {
	var out, errors bytes.Buffer
	run := exec.CommandContext(p.t.Context(), p.command, slices.Concat(p.args, args)...)
	run.Env, run.Stdin, run.Stdout, run.Stderr = p.env, bytes.NewReader(input), &out, &errors
	err = run.Run()
	return out.String(), errors.String(), err
}

// NewTree is a folder with the files that are easily lost, and one that is larger than two chunks.
func NewTree(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	random := rand.NewChaCha8([32]byte{9})
	for name, size := range map[string]int{
		"a.txt": 5, "empty": 0, "with space.txt": 100, "deep/er/and deeper/file.bin": 70_000, "ünï/日本語 😀.txt": 1_000,
		"100%/a+b&c=d#e.txt": 10, "medium.bin": 5_000_000, "large.bin": 45_000_000,
	} {
		path := filepath.Join(folder, filepath.FromSlash(name))
		content := make([]byte, size)
		_, _ = random.Read(content) // Never fails.
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// WantSameTree compares the names and the bytes of all files.
func WantSameTree(t testing.TB, got, want string) {
	t.Helper()
	gotFiles, wantFiles := filesOf(t, got), filesOf(t, want)
	if !maps.EqualFunc(gotFiles, wantFiles, bytes.Equal) {
		t.Errorf("the trees differ: got %q, want %q",
			slices.Sorted(maps.Keys(gotFiles)), slices.Sorted(maps.Keys(wantFiles)))
	}
}

func filesOf(t testing.TB, folder string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(folder), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files[path], err = os.ReadFile(filepath.Join(folder, path))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
