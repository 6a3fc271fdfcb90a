package filesync

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Names are those of linux/aio_abi.h, where these are constants.
const (
	commandFsync = 2 // IOCB_CMD_FSYNC
	flagEvent    = 1 // IOCB_FLAG_RESFD
)

// request is a struct iocb of which all else is 0. The kernel copies it.
type request struct {
	id      uint64
	_       uint64
	command uint16
	_       int16
	file    uint32
	_       [4]uint64
	flags   uint32
	event   uint32
}

// completion is a struct io_event.
type completion struct {
	id     uint64
	_      uint64
	result int64
	_      int64
}

// depth is how many calls the kernel has to do at the same time, about.
const depth = 64

// queue is what the kernel has to do for this process, see io_setup(2).
type queue struct {
	open    func() (context uintptr)
	mu      sync.Mutex
	last    uint64
	results map[uint64]*int64 // of those that are waited for; nil as long as there is none
}

var process = queue{results: map[uint64]*int64{}, open: sync.OnceValue(func() (context uintptr) {
	if _, _, code := unix.Syscall(unix.SYS_IO_SETUP, depth, uintptr(unsafe.Pointer(&context)), 0); code != 0 {
		return 0
	}
	return context
})}

// queued has the kernel sync f and signal an event, for which the runtime waits as it
// waits for a connection. It is not done where the kernel did not take it or something
// is wrong with f, which fsync will tell.
func queued(f *os.File) (done bool, err error) {
	if process.open() == 0 {
		return false, nil
	}
	number, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return false, nil
	}
	event := os.NewFile(uintptr(number), "eventfd")
	defer func() { _ = event.Close() }()
	raw, err := f.SyscallConn()
	if err != nil {
		return false, nil
	}
	var id uint64
	var taken bool
	if err := raw.Control(func(fd uintptr) { id, taken = process.submit(uint32(fd), uint32(number)) }); err != nil || !taken {
		return false, nil
	}
	var count [8]byte
	if _, err := event.Read(count[:]); err != nil {
		await(number) // where the runtime cannot
	}
	// To sync again would not do: the kernel tells once that something is lost.
	result, known := process.result(id)
	if !known {
		return true, fmt.Errorf("sync %s: the system does not tell whether it is done", f.Name())
	}
	return true, failure(f, result)
}

// await waits for an event, and a processor with it.
func await(event int) {
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(event), Events: unix.POLLIN}}, -1)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// failure is the error of a result.
func failure(f *os.File, result int64) error {
	if result < 0 {
		return &os.PathError{Op: "sync", Path: f.Name(), Err: unix.Errno(-result)}
	}
	return nil
}

// submit hands over a file to be synced, and reports whether the kernel took it.
func (q *queue) submit(file, event uint32) (id uint64, taken bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last++
	r := &request{id: q.last, command: commandFsync, file: file, flags: flagEvent, event: event}
	list := []*request{r}
	n, _, code := unix.Syscall(unix.SYS_IO_SUBMIT, q.open(), 1, uintptr(unsafe.Pointer(&list[0])))
	runtime.KeepAlive(r)
	if code != 0 || n != 1 {
		return 0, false
	}
	q.results[r.id] = nil
	return r.id, true
}

// result is that of a call, and whether there is one. It is asked for once: a call is
// forgotten then.
func (q *queue) result(id uint64) (result int64, known bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var all [8]completion
	for {
		n, _, code := unix.Syscall6(unix.SYS_IO_GETEVENTS, q.open(), 0, uintptr(len(all)), uintptr(unsafe.Pointer(&all)), 0, 0)
		if errors.Is(code, unix.EINTR) {
			continue
		}
		if code != 0 || n == 0 {
			break
		}
		for _, c := range all[:n] {
			if _, waiting := q.results[c.id]; waiting {
				q.results[c.id] = &c.result
			}
		}
	}
	r := q.results[id]
	delete(q.results, id)
	if r == nil {
		return 0, false
	}
	return *r, true
}
