package tidemark

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// Proxy is a bad network: a TCP proxy that reads no HTTP. Each fault happens once, after so many more bytes of all
// connections together. What breaks is reset towards the client, whatever the system does for a server that was killed:
// Go's clients take a polite end for no reason to try again.
type Proxy struct {
	URL string

	t        testing.TB
	target   string
	listener net.Listener
	mu       sync.Mutex
	fault    *fault
	uploaded int64
	// While a fault's function runs, whoever goes away does so by force.
	interrupting bool
}

type fault struct {
	kind kind
	left int64
	run  func()
	done chan struct{}
}

type kind int

const (
	cutsRequest kind = iota
	cutsAnswer
	losesAnswer
	flipsBit
	interrupts
)

type direction int

const (
	up direction = iota
	down
)

// NewProxy puts a proxy before the server that the test's end closes.
func NewProxy(t testing.TB, server *Server) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	proxy := &Proxy{
		URL:      "http://" + listener.Addr().String(),
		t:        t,
		target:   strings.TrimPrefix(server.URL, "http://"),
		listener: listener,
	}
	t.Cleanup(func() { listener.Close() })
	go proxy.accept()
	return proxy
}

// CutAfter lets exactly n more bytes pass to the server, then resets the connection.
func (p *Proxy) CutAfter(n int64) <-chan struct{} {
	return p.arm(&fault{kind: cutsRequest, left: n})
}

// CutAnswerAfter lets exactly n more bytes pass to the client, then resets the connection.
func (p *Proxy) CutAnswerAfter(n int64) <-chan struct{} {
	return p.arm(&fault{kind: cutsAnswer, left: n})
}

// LoseAnswerAfter lets n more bytes pass to the server, then resets the connection on which it answers next, without the
// answer.
func (p *Proxy) LoseAnswerAfter(n int64) <-chan struct{} {
	return p.arm(&fault{kind: losesAnswer, left: n})
}

// FlipBitAfter lets n more bytes pass to the server and changes the one that follows them.
func (p *Proxy) FlipBitAfter(n int64) <-chan struct{} {
	return p.arm(&fault{kind: flipsBit, left: n})
}

// RunAfter lets n more bytes pass to the server, calls run (to kill it, say) and resets the connection.
func (p *Proxy) RunAfter(n int64, run func()) <-chan struct{} {
	return p.arm(&fault{kind: interrupts, left: n, run: run})
}

// Uploaded is the number of bytes that went to the server.
func (p *Proxy) Uploaded() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.uploaded
}

// Happened fails the test unless the fault has struck.
func Happened(t testing.TB, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	default:
		t.Error("nothing broke: the test shows nothing")
	}
}

func (p *Proxy) arm(f *fault) <-chan struct{} {
	f.done = make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
	return f.done
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // Closed by the test's end.
		}
		go p.serve(client.(*net.TCPConn))
	}
}

func (p *Proxy) serve(client *net.TCPConn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		reset(client)
		return
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		if isCut := p.pump(up, client, server); isCut {
			reset(client)
		}
		server.Close()
	}()
	isCut := p.pump(down, server, client)
	if isCut || p.isInterrupting() {
		reset(client)
	} else {
		client.CloseWrite() // Fails where the client has closed before.
	}
	<-sent
}

// pump copies until one end closes, or answers true where a fault or a broken connection ends it.
func (p *Proxy) pump(d direction, from, to net.Conn) (isCut bool) {
	buffer := make([]byte, 64*1024)
	for {
		n, err := from.Read(buffer)
		rest, isCut := p.pass(d, buffer[:n])
		if _, failed := to.Write(rest); isCut || failed != nil {
			return true
		}
		if err != nil {
			return err != io.EOF
		}
	}
}

// pass says what of the data goes on, and whether the connection ends behind it.
func (p *Proxy) pass(d direction, data []byte) (rest []byte, isCut bool) {
	p.mu.Lock()
	rest, isCut, struck := p.strike(d, data)
	if struck != nil {
		p.fault = nil
	}
	if d == up {
		p.uploaded += int64(len(rest))
	}
	p.mu.Unlock()
	if struck == nil {
		return rest, isCut
	}
	if struck.run != nil {
		struck.run()
		p.mu.Lock()
		p.interrupting = false
		p.mu.Unlock()
	}
	close(struck.done)
	return rest, isCut
}

func (p *Proxy) isInterrupting() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.interrupting
}

func (p *Proxy) strike(d direction, data []byte) (rest []byte, isCut bool, struck *fault) {
	f, length := p.fault, int64(len(data))
	if f == nil || length == 0 {
		return data, false, nil
	}
	if f.kind == losesAnswer && d == down {
		if f.left > 0 {
			return data, false, nil
		}
		return nil, true, f
	}
	if (d == down) != (f.kind == cutsAnswer) {
		return data, false, nil
	}
	if f.kind == losesAnswer || length <= f.left {
		f.left -= length
		return data, false, nil
	}
	switch f.kind {
	case flipsBit:
		data[f.left] ^= 1
		return data, false, f
	case interrupts:
		p.interrupting = true
		return data[:f.left], true, f
	default:
		return data[:f.left], true, f
	}
}

func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // Fails when it is closed already.
	}
	conn.Close()
}
