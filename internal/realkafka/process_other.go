//go:build !unix

package realkafka

import (
	"errors"
	"os"
)

var terminate, pause, resume = os.Kill, os.Kill, os.Kill

// supported tells whether processes can be stopped and paused by signals.
const supported = false

func lock(string) (func(), error) { return nil, errors.ErrUnsupported }
