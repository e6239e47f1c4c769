//! Values as they are typed.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::SignedDuration;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use secrecy::SecretString;

use crate::domain::code::{Code, Severity};
use crate::domain::content::ContentSubset;
use crate::domain::gc::Release;
use crate::domain::shard::Shard;

/// Seconds a day, in UTC.
const DAY: i64 = 24 * 60 * 60;
/// What tells each pod of a Kubernetes Indexed Job which one it is.
const INDEX: &str = "JOB_COMPLETION_INDEX";

/// An argument that must not be printed.
#[derive(Clone)]
pub struct Secret(pub(in crate::cli) SecretString);

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned().into()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// Names of repositories, with wildcards.
pub(super) fn repositories(text: &str) -> Result<String, String> {
    if text.contains([':', '@']) {
        let verify = "`regfsck verify HOST/NAME:TAG` makes sure that an image can be pulled";
        return Err(format!("no repository has `:` or `@` in its name; {verify}"));
    }
    Ok(text.to_owned())
}

/// A duration such as `30s`, `10m`, `2h 30m`; `0` is none.
pub(super) fn duration(text: &str) -> Result<SignedDuration, String> {
    if text == "0" {
        return Ok(SignedDuration::ZERO);
    }
    let duration: SignedDuration =
        text.parse().map_err(|_error| format!("`{text}` is no duration; write it like 30s, 10m or 2h"))?;
    if duration.is_negative() { Err(format!("`{text}` is negative")) } else { Ok(duration) }
}

/// A duration of a second or more.
pub(super) fn pause(text: &str) -> Result<SignedDuration, String> {
    let pause = duration(text)?;
    if pause.as_secs() > 0 { Ok(pause) } else { Err(format!("`{text}` is less than a second")) }
}

/// `2026-01-02T03:04:05Z`, or `2h ago`.
pub(super) fn moment(text: &str) -> Result<jiff::Timestamp, String> {
    let refuse = || format!("`{text}` is no time; write it like 2026-01-02T03:04:05Z or 2h ago");
    let now = jiff::Timestamp::now();
    let at = match text.strip_suffix(" ago") {
        Some(before) => now.checked_sub(duration(before)?).map_err(|_error| refuse())?,
        None => text.parse().map_err(|_error| refuse())?,
    };
    if at <= now { Ok(at) } else { Err(format!("`{text}` is yet to come")) }
}

/// `03:30` of this machine's clocks, or `03:30 Europe/Berlin`.
pub(super) fn daily(text: &str) -> Result<Daily, String> {
    let refuse =
        || format!("`{text}` is no time of day; write it like 03:30, 03:30 UTC or 03:30 Europe/Berlin");
    let (time, zone) = text.split_once(' ').map_or((text, None), |(time, zone)| (time, Some(zone)));
    let (hour, minute) = time.split_once(':').ok_or_else(refuse)?;
    let number = |digits: &str| digits.parse().ok().filter(|_| digits.len() == 2).ok_or_else(refuse);
    let at = Time::new(number(hour)?, number(minute)?, 0, 0).map_err(|_error| refuse())?;
    let zone = match zone {
        None => TimeZone::system(),
        Some(name) => TimeZone::get(name).map_err(|_error| {
            format!("`{name}` is no time zone that this machine knows; write it like Europe/Berlin")
        })?,
    };
    Ok(Daily { at, zone })
}

/// A time of day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daily {
    /// What the clocks show.
    pub at: Time,
    /// Which clocks.
    pub zone: TimeZone,
}

pub(super) fn code(text: &str) -> Result<Code, String> {
    let found = Code::ALL.iter().copied().find(|code| code.as_str() == text);
    found.ok_or_else(|| format!("`{text}` is no finding code; `regfsck explain` lists them"))
}

pub(super) fn severity() -> impl TypedValueParser<Value = Severity> {
    let all = [Severity::Error, Severity::Warning, Severity::Note];
    PossibleValuesParser::new(all.map(Severity::as_str)).try_map(move |text| {
        // It is one of them.
        all.into_iter().find(|severity| severity.as_str() == text).ok_or("no severity")
    })
}

pub(super) fn size(text: &str) -> Result<u64, String> {
    match text.parse::<bytesize::ByteSize>() {
        Ok(size) if size.as_u64() > 0 => Ok(size.as_u64()),
        _ => Err(format!("`{text}` is no size above 0; write it like 500kB, 50MB or 1GiB")),
    }
}

/// A part of a whole, or another one each day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Portion {
    /// This part.
    Part(ContentSubset),
    /// Of so many parts the one whose turn it is on a day, in UTC.
    OfDay(u64),
}

impl Portion {
    /// The part that is meant today.
    #[must_use]
    pub fn today(self) -> ContentSubset {
        self.on(u64::try_from(jiff::Timestamp::now().as_second() / DAY).unwrap_or_default())
    }

    fn on(self, day: u64) -> ContentSubset {
        match self {
            Self::Part(part) => part,
            Self::OfDay(of) => ContentSubset::of_day(day, of).unwrap_or(ContentSubset { part: 1, of: 1 }),
        }
    }
}

/// `N/T`, or `day/T`.
pub(super) fn subset(text: &str) -> Result<Portion, String> {
    portion(text).ok_or_else(|| {
        format!(
            "`{text}` is no part of a whole; write it like 3/7, from 1/7 to 7/7, or day/7 for another part each day"
        )
    })
}

fn portion(text: &str) -> Option<Portion> {
    let (part, of) = text.split_once('/')?;
    let of: u64 = of.parse().ok()?;
    if part == "day" {
        return (of > 0).then_some(Portion::OfDay(of));
    }
    let part = part.parse().ok()?;
    (1..=of).contains(&part).then_some(Portion::Part(ContentSubset { part, of }))
}

pub(super) fn shard(text: &str) -> Result<Shard, String> {
    shard_in(text, std::env::var(INDEX).ok().as_deref())
}

fn shard_in(text: &str, index: Option<&str>) -> Result<Shard, String> {
    match text.strip_prefix("auto/") {
        Some(of) => {
            let index = index.ok_or_else(|| {
                format!("`{text}` needs {INDEX}, which the pods of a Kubernetes Indexed Job have")
            })?;
            format!("{index}/{of}").parse()
        }
        None => text.parse(),
    }
}

pub(super) fn flavour(text: &str) -> Result<Release, String> {
    match text {
        "2" => Ok(Release::V2),
        "3" => Ok(Release::V3),
        _ => Err(format!("`{text}` is no generation of the registry; there are 2 and 3")),
    }
}

/// `2.8.3`, with anything behind it, such as `+ds1`.
pub(super) fn version(text: &str) -> Result<(u64, u64, u64), String> {
    let numbers: Vec<u64> = text
        .trim_start_matches('v')
        .split(|c: char| !c.is_ascii_digit())
        .take(3)
        .map_while(|number| number.parse().ok())
        .collect();
    match numbers[..] {
        [major, minor, patch] => Ok((major, minor, patch)),
        [major, minor] => Ok((major, minor, 0)),
        _ => Err(format!("`{text}` is no version; write it like 2.8.3")),
    }
}

pub(super) fn platform(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('/').collect();
    if matches!(parts.len(), 2 | 3) && parts.iter().all(|part| !part.is_empty()) {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is no platform; write it like linux/amd64 or linux/arm64/v8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subset_is_named_by_its_number_or_by_the_day() {
        let on = |text: &str, day| portion(text).map(|portion| portion.on(day));
        assert_eq!(on("3/7", 0), Some(ContentSubset { part: 3, of: 7 }));
        assert_eq!(on("day/7", 20_003), Some(ContentSubset { part: 20_003 % 7 + 1, of: 7 }));
        for text in ["0/7", "8/7", "day/0", "day", "1/", "x/2"] {
            assert_eq!(portion(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_of_day_is_of_the_clocks_that_are_named() {
        let at = |text: &str| daily(text).map(|daily| (daily.at.to_string(), daily.zone));
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(at("03:30 Europe/Berlin"), Ok(("03:30:00".into(), berlin)));
        assert_eq!(at("23:59"), Ok(("23:59:00".into(), TimeZone::system())));
        for text in
            ["", "3:30", "24:00", "03:60", "03:30:00", "0330", "-1:30", "03:30 Nowhere/There", "03:30  UTC"]
        {
            assert!(at(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(size("50MB"), Ok(50_000_000));
        assert_eq!(size("1GiB"), Ok(1 << 30));
        assert!(size("0").is_err() && size("fast").is_err());
    }

    #[test]
    fn a_moment_is_a_time_or_so_long_ago() {
        let exact = moment("2026-01-02T03:04:05+01:00").map(|at| at.to_string());
        assert_eq!(exact, Ok("2026-01-02T02:04:05Z".into()));
        let age = jiff::Timestamp::now().duration_since(moment("2h 30m ago").unwrap());
        assert_eq!((age + SignedDuration::from_secs(1)).as_mins(), 150);
        for text in ["2026-01-02", "yesterday", "2h", "soon ago", "9999-01-02T03:04:05Z"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_pod_takes_its_number_from_its_job() {
        assert_eq!(shard_in("auto/4", Some("3")), Ok(Shard { index: 3, of: 4 }));
        assert_eq!(shard_in("1/4", Some("3")), Ok(Shard { index: 1, of: 4 }));
        assert!(shard_in("auto/4", Some("4")).is_err());
        assert!(shard_in("auto/4", None).is_err_and(|why| why.contains(INDEX)));
    }
}
