package kafkatest

import (
	"os/exec"
	"syscall"
)

// endWithUs has the system kill the process when this one is gone, however that comes about; and a Ctrl-C is ours to act on.
func endWithUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
