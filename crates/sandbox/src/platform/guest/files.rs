//! Files that guests bring along (platform contract C.2.2 to C.2.5): each is announced, uploaded to a
//! link, and can then be sent.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;

use super::frame::Rejection;
use super::plan::DeploymentPlan;
use super::request::Attach;
use crate::moment::Moment;

/// All files that were announced.
#[derive(Debug, Default)]
pub(super) struct Files(HashMap<String, File>);

#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) session: usize,
    pub(super) name: String,
    pub(super) media_type: String,
    pub(super) size: Option<u64>,
    /// From when on it can neither be uploaded nor sent.
    pub(super) expires: Moment,
    /// What was uploaded.
    pub(super) content: Option<Bytes>,
}

/// A name is shorter than this.
const LONGEST_NAME: usize = 1_024;

impl Files {
    /// Takes note of a file that is to come, unless the deployment does not want it.
    pub(super) fn announce(
        &mut self,
        session: usize,
        id: &str,
        attach: Attach,
        plan: &DeploymentPlan,
        now: Moment,
    ) -> Result<&File, Rejection> {
        check(&attach, plan)?;
        if self.0.get(id).is_some_and(|known| known.session != session) {
            return Err(Rejection::new(400, "The attachment id is in use"));
        }
        let file = File {
            session,
            name: attach.file_name,
            media_type: attach.file_type,
            size: attach.file_size,
            expires: now.plus(Duration::from_secs(plan.attachment_seconds)),
            content: None,
        };
        Ok(self.0.entry(id.to_owned()).insert_entry(file).into_mut())
    }

    /// A file that can be uploaded now.
    pub(super) fn awaited(&mut self, id: &str, now: Moment) -> Option<&mut File> {
        self.0.get_mut(id).filter(|file| file.content.is_none() && now < file.expires)
    }

    /// A file of a session that was uploaded.
    pub(super) fn uploaded(&self, session: usize, id: &str, now: Moment) -> Result<&File, Rejection> {
        let file = self.0.get(id).filter(|file| file.session == session);
        let file = file.ok_or_else(|| Rejection::new(4009, "The attachment was not found"))?;
        if file.expires <= now {
            Err(Rejection::new(4008, "The attachment has expired"))
        } else if file.content.is_none() {
            Err(Rejection::new(4010, "The attachment was not uploaded successfully"))
        } else {
            Ok(file)
        }
    }

    /// The content behind a link, as long as the link is good.
    pub(super) fn behind_link(&self, id: &str, now: Moment) -> Option<&File> {
        self.0.get(id).filter(|file| now < file.expires && file.content.is_some())
    }

    pub(super) fn delete(&mut self, session: usize, id: &str) -> Result<(), Rejection> {
        if self.0.get(id).is_some_and(|file| file.session == session) {
            self.0.remove(id);
            return Ok(());
        }
        Err(Rejection::new(4009, "The attachment was not found"))
    }
}

fn check(attach: &Attach, plan: &DeploymentPlan) -> Result<(), Rejection> {
    let name = attach.file_name.as_str();
    let extension = name.rsplit_once('.').filter(|(stem, end)| !stem.is_empty() && !end.is_empty());
    let Some((_, extension)) = extension.filter(|_| !name.contains(['/', '\\'])) else {
        return Err(Rejection::new(4004, "The file name is not allowed"));
    };
    if name.chars().count() >= LONGEST_NAME {
        return Err(Rejection::new(4005, "The file name is too long"));
    }
    let dotted = format!(".{}", extension.to_ascii_lowercase());
    let blocked = plan.blocked_extensions.contains(&dotted);
    if blocked || !(plan.file_types.is_empty() || plan.file_types.contains(&attach.file_type)) {
        return Err(Rejection::new(4001, "The file type is not allowed"));
    }
    match attach.file_size {
        Some(0) => Err(Rejection::new(4102, "The file size is zero")),
        Some(size) if plan.file_kb > 0 && size > plan.file_kb * 1_024 => Err(Rejection::new(
            4002,
            format!("The file size {size} is over the limit of {} KB", plan.file_kb),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attach(name: &str, media_type: &str, size: Option<u64>) -> Attach {
        let (file_name, file_type) = (name.to_owned(), media_type.to_owned());
        Attach { attachment_id: None, file_name, file_type, file_size: size, errors_as_json: None }
    }

    #[test]
    fn files_are_refused_by_name_type_and_size() {
        let plan = DeploymentPlan::default();
        let code = |name: &str, media_type: &str, size| {
            check(&attach(name, media_type, size), &plan).map_err(|rejection| rejection.code)
        };
        assert_eq!(code("a.png", "image/png", Some(10_485_760)), Ok(()));
        assert_eq!(code("a.png", "image/png", None), Ok(()));
        assert_eq!(code("a.png", "image/png", Some(10_485_761)), Err(4002));
        assert_eq!(code("a.png", "image/png", Some(0)), Err(4102));
        assert_eq!(code("a.png", "video/mp4", Some(1)), Err(4001));
        assert_eq!(code("a.EXE", "image/png", Some(1)), Err(4001));
        for bad in ["png", ".png", "a.", "", "a/b.png"] {
            assert_eq!(code(bad, "image/png", Some(1)), Err(4004), "{bad}");
        }
        assert_eq!(code(&format!("{}.png", "a".repeat(1_019)), "image/png", Some(1)), Ok(()));
        assert_eq!(code(&format!("{}.png", "a".repeat(1_020)), "image/png", Some(1)), Err(4005));
    }

    #[test]
    fn a_file_is_sent_by_its_session_once_it_is_there() {
        let (plan, mut files, start) = (DeploymentPlan::default(), Files::default(), Moment::UNIX_EPOCH);
        files.announce(0, "f", attach("a.png", "image/png", Some(3)), &plan, start).unwrap();
        assert_eq!(files.uploaded(0, "f", start).unwrap_err().code, 4010);
        assert_eq!(files.uploaded(1, "f", start).unwrap_err().code, 4009);
        files.awaited("f", start).unwrap().content = Some(Bytes::from_static(b"png"));
        assert!(files.awaited("f", start).is_none(), "once");
        assert!(files.uploaded(0, "f", start).is_ok());
        let late = start.plus(Duration::from_secs(plan.attachment_seconds));
        assert_eq!(files.uploaded(0, "f", late).unwrap_err().code, 4008);
        assert!(files.behind_link("f", late).is_none() && files.behind_link("f", start).is_some());
        assert_eq!(files.delete(1, "f").unwrap_err().code, 4009);
        assert!(files.delete(0, "f").is_ok() && files.uploaded(0, "f", start).is_err());
    }
}
