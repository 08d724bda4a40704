//! Small file systems, mounted where the data folder is.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Says to a process started by [`in_namespace`] that it is one.
const IS_IN_NAMESPACE: &str = "CHAOS_IN_NAMESPACE";

/// A file system that is mounted as long as this lives.
#[derive(Debug)]
pub(crate) struct Mount {
    at: PathBuf,
    /// The file in which it is, unless it is in memory.
    image: Option<PathBuf>,
}

impl Mount {
    /// One in memory.
    ///
    /// # Errors
    /// If this process may not mount.
    pub(crate) fn memory(at: &Path, mebibytes: u32) -> Result<Self, String> {
        std::fs::create_dir_all(at).unwrap();
        run("mount", &["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs", text(at)])?;
        Ok(Self { at: at.to_owned(), image: None })
    }

    /// One in a file, of the kind that most machines have.
    ///
    /// # Errors
    /// If this process may not mount, or has no loop device or no mkfs.
    pub(crate) fn ext4(at: &Path, image: &Path, mebibytes: u64) -> Result<Self, String> {
        std::fs::create_dir_all(at).unwrap();
        std::fs::File::create(image).unwrap().set_len(mebibytes << 20).unwrap();
        run("mkfs.ext4", &["-q", "-F", text(image)])?;
        let mount = Self { at: at.to_owned(), image: Some(image.to_owned()) };
        mount.mount()?;
        Ok(mount)
    }

    /// Has the system meet an error in the file system, as after a failed write of its own: it is read-only from then on,
    /// for files that are open as well. Only [`Mount::mount_again`] ends that.
    pub(crate) fn fail_to_read_only(&self) {
        run("mount", &["-o", "remount,abort", text(&self.at)]).unwrap();
    }

    /// Unmounts and mounts it. No process may have a file in it open.
    pub(crate) fn mount_again(&self) {
        run("umount", &[text(&self.at)]).unwrap();
        self.mount().unwrap();
    }

    fn mount(&self) -> Result<(), String> {
        let image = self.image.as_deref().expect("one in memory is not mounted again");
        run("mount", &["-o", "loop", text(image), text(&self.at)])
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Whoever still has a file in it, such as a process that is about to be killed, goes on with it.
        let _ = run("umount", &["--lazy", text(&self.at)]);
    }
}

/// Plays a scenario in a process of its own that may mount, as the root of a namespace.
///
/// # Errors
/// If this process is one already, or if the system has no such namespaces to give.
pub(crate) fn in_namespace(scenario: &str, seed: u64) -> Result<(), String> {
    if std::env::var_os(IS_IN_NAMESPACE).is_some() {
        return Err("not even in a namespace of its own".to_owned());
    }
    run("unshare", &["--user", "--map-root-user", "--mount", "true"])?;
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount"])
        .arg(std::env::current_exe().unwrap())
        .args(["--include-ignored", "--exact", scenario, "--seed", &seed.to_string()])
        .env(IS_IN_NAMESPACE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "it fails in a namespace of its own");
    Ok(())
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output =
        Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{program} {}: {said}", arguments.join(" "))) }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
