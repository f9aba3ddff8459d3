//! Files and folders that belong to one user: how they are made, opened and checked.
//!
//! Unix has owners and modes; on other systems a folder is as private as the one above it.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    path::Path,
};

/// Makes a folder and those above it
pub(super) fn create(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// How a file is opened: to read, or to read and write; never through a link
pub(super) fn options(writes: bool) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(writes);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        // Else a pipe in the place of a file would be waited for.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        options.mode(0o600).custom_flags(flags.cast_signed());
    }
    options
}

/// Opens a file, and says so if it is a link
pub(super) fn open(options: &OpenOptions, path: &Path) -> io::Result<File> {
    options.open(path).map_err(|error| match std::fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() => io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("`{}` is a symbolic link, which is not followed; remove it", path.display()),
        ),
        _ => error,
    })
}

/// Refuses a folder that another user may change
#[cfg(unix)]
pub(super) fn check_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let (folder, user) = (std::fs::metadata(path)?, rustix::process::geteuid().as_raw());
    let mode = folder.mode() & 0o777;
    let why = match () {
        () if folder.uid() != user && folder.uid() != 0 => {
            format!("it belongs to the user {}, and the run has the user {user}", folder.uid())
        }
        () if mode & 0o022 != 0 => format!("other users may write to it (mode {mode:03o})"),
        () => return Ok(()),
    };
    let what = format!(
        "{why}; use a folder of the run's own user with mode 700, such as a new one below it, which the run makes itself"
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, what))
}

#[cfg(not(unix))]
pub(super) fn check_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Refuses what is no ordinary file, or is written to and has another name; makes the rest private
pub(super) fn check_file(file: &File, is_written: bool) -> io::Result<()> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("a file of the state is no ordinary file; remove it"));
    }
    #[cfg(unix)]
    if is_written {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        if metadata.nlink() > 1 {
            let what = "a file of the state that a run writes to has a second name (a hard link); remove one of them";
            return Err(io::Error::other(what));
        }
        if metadata.mode() & 0o077 != 0 {
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
    }
    #[cfg(not(unix))]
    let _ = is_written;
    Ok(())
}

/// Whether an open file is still the one at a path
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let of = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    let there = std::fs::symlink_metadata(path).map(of);
    file.metadata().map(of).is_ok_and(|own| there.is_ok_and(|there| there == own))
}

/// A file that is open cannot be replaced there
#[cfg(not(unix))]
pub(super) fn is_at(_: &File, _: &Path) -> bool {
    true
}
