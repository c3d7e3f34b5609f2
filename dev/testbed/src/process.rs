//! Child processes that cannot outlive their owner: starting, running to the end, and signalling them.

use std::{
    io,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal};

type Request = (Command, mpsc::Sender<io::Result<Child>>);

/// The kernel sends the parent-death signal when the *thread* that forked ends, and a test's thread
/// ends with the test. So one thread, which lives as long as the process, does all the forking.
static SPAWNER: LazyLock<Mutex<mpsc::Sender<Request>>> = LazyLock::new(|| {
    let (sender, requests) = mpsc::channel::<Request>();
    thread::Builder::new()
        .name("spawner".to_owned())
        .spawn(move || {
            for (mut command, reply) in requests {
                // A caller that is gone needs no answer.
                let _ = reply.send(command.spawn());
            }
        })
        .expect("the system allows one more thread");
    Mutex::new(sender)
});

/// Starts `command` in a process group of its own, to be killed by the kernel when this process ends,
/// however it ends. A child that changes its user id loses that protection.
pub fn spawn(mut command: Command) -> io::Result<Child> {
    command.process_group(0);
    let owner = rustix::process::getpid();
    let tie = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // The owner may have died before the line above took effect.
        if rustix::process::getppid() == Some(owner) {
            Ok(())
        } else {
            Err(io::Error::other("the owner has ended"))
        }
    };
    #[expect(
        unsafe_code,
        reason = "the closure makes two system calls and allocates nothing"
    )]
    // SAFETY: between fork and exec only async-signal-safe calls are made: prctl and getppid.
    unsafe {
        command.pre_exec(tie);
    }
    let (reply, answer) = mpsc::channel();
    SPAWNER
        .lock()
        .expect("no holder of this lock panics")
        .send((command, reply))
        .expect("the spawner lives as long as the process");
    answer.recv().expect("the spawner answers every request")
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Ends every [`run`] that is under way and all later ones. A program calls it on Ctrl-C and can then
/// return through its normal way out, so that everything is dropped and cleaned up.
pub fn interrupt() {
    INTERRUPTED.store(true, Ordering::SeqCst);
}

/// Whether [`interrupt`] was called.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Runs `command` to its end, without input. Fails when it cannot be started, when it takes longer than
/// `limit`, and after [`interrupt`]; its whole process group is ended then.
pub fn run(mut command: Command, limit: Option<Duration>) -> Result<ExitStatus> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null());
    let deadline = limit.map(|limit| Instant::now() + limit);
    let mut child = spawn(command).with_context(|| format!("failed to start {name}"))?;
    loop {
        if let Some(status) = child
            .try_wait()
            .with_context(|| format!("failed to wait for {name}"))?
        {
            return Ok(status);
        }
        let late = deadline.is_some_and(|deadline| Instant::now() > deadline);
        if late || interrupted() {
            end_group(&mut child, Duration::from_secs(3));
            match limit {
                Some(limit) if late => bail!("{name} did not end within {} s", limit.as_secs()),
                _ => bail!("interrupted"),
            }
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Sends SIGTERM to the child's process group; what is left of it after `patience` is killed.
pub fn end_group(child: &mut Child, patience: Duration) {
    let _ = rustix::process::kill_process_group(pid(child), Signal::TERM);
    wait(child, patience);
    kill_group(child);
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// Sends SIGKILL to the child's process group and collects the child.
pub fn kill_group(child: &mut Child) {
    // An error means that the group is gone already, which is what was wanted.
    let _ = rustix::process::kill_process_group(pid(child), Signal::KILL);
    let _ = child.wait();
}

/// Suspends the child (SIGSTOP): it keeps its sockets and answers nothing.
pub fn pause(child: &Child) {
    let _ = rustix::process::kill_process(pid(child), Signal::STOP);
}

/// Lets a suspended child go on (SIGCONT).
pub fn resume(child: &Child) {
    let _ = rustix::process::kill_process(pid(child), Signal::CONT);
}

/// Sends SIGTERM to the child alone and waits for its end; after `patience` its group is killed.
pub fn stop(child: &mut Child, patience: Duration) {
    // A suspended process would not see the request.
    resume(child);
    let _ = rustix::process::kill_process(pid(child), Signal::TERM);
    if !wait(child, patience) {
        kill_group(child);
    }
}

/// Waits up to `patience` for the child's end; whether it came.
pub fn wait(child: &mut Child, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Whether this process runs as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The full path of a program: on `PATH`, or in the folders for system programs, which a normal user's
/// `PATH` on Debian leaves out.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| is_executable(candidate))
}

fn is_executable(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    #[test]
    fn a_child_survives_the_thread_that_asked_for_it() {
        let mut child = thread::spawn(|| {
            let mut command = Command::new("sleep");
            command.arg("60");
            spawn(command).unwrap()
        })
        .join()
        .unwrap();
        thread::sleep(Duration::from_millis(50));
        assert!(child.try_wait().unwrap().is_none());
        kill_group(&mut child);
        assert!(child.try_wait().unwrap().is_some());
    }

    #[test]
    fn stopping_ends_a_suspended_child_and_one_that_ignores_the_request() {
        for script in ["exec sleep 60", "trap '' TERM; while :; do sleep 0.1; done"] {
            let mut command = Command::new("sh");
            command.args(["-c", script]).stdout(Stdio::null());
            let mut child = spawn(command).unwrap();
            thread::sleep(Duration::from_millis(50));
            pause(&child);
            stop(&mut child, Duration::from_millis(300));
            assert!(child.try_wait().unwrap().is_some(), "{script}");
        }
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended_with_its_children() {
        // Another checkout's tests may run beside these.
        let seconds = format!("61.{}", std::process::id());
        let mut command = Command::new("sh");
        command.args(["-c", &format!("sleep {seconds} & sleep {seconds}")]);
        let error = run(command, Some(Duration::from_millis(50))).unwrap_err();
        assert_eq!(error.to_string(), "sh did not end within 0 s");
        let lives = || {
            std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
                let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
                line == format!("sleep\0{seconds}\0").as_bytes()
            })
        };
        // A process that was killed is there for a moment more.
        let end = Instant::now() + Duration::from_secs(30);
        while lives() {
            assert!(Instant::now() < end, "it lives");
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn programs_are_found_or_not() {
        assert!(find_program("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(find_program("no-such-program-anywhere"), None);
    }
}
