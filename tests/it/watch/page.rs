//! The page of a watch, in a real browser. What it looks like is left in `target/screenshots`.

use std::fs;

use regfsck::adapters::sandbox::image::Image;
use serde_json::{Value, json};

use super::pushes::start_on;
use super::served::TOKEN;
use crate::support::browser::Browser;
use crate::support::program::until;
use crate::support::raw::Raw;

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";

#[test]
fn a_browser_shows_what_is_broken_and_asks_again_by_itself() {
    let Some(browser) = Browser::start() else { return };
    let image = Image::two_layers("app").unwrap();
    let told = start_on(|registry| {
        Raw::new(&registry.url()).push_image("team/app", "1", &image);
        let folder = registry.data_file(&image.layers[0].digest).parent().unwrap().to_owned();
        fs::rename(&folder, folder.with_extension("lost")).unwrap();
    });
    let Some(told) = told else { return };
    told.tell("team/app", &image);
    until("both are known", || {
        told.ask("/").contains("<strong>team/app:1</strong>")
            && told.ask("/report.json").contains("missing-blob")
    });
    browser.show(1280, 1400, "light");
    // As a person would: the token is the password.
    let address = format!("127.0.0.1:{}", told.port);
    browser.visit(&format!("http://anybody:{TOKEN}@{address}/"));
    let seen = browser.run("return [document.title, document.querySelectorAll('h1').length, document.querySelector('h1').textContent]");
    let title = seen[0].as_str().unwrap();
    assert!(
        title.starts_with("attention: 1 image that was pushed cannot be pulled; the last check: "),
        "{title}"
    );
    assert_eq!(json!([1, "attention"]), json!([seen[1], seen[2]]));
    is_read_at_any_width(&browser);
    a_keyboard_is_enough(&browser);
    // Nobody has touched it for so long.
    browser.run("document.documentElement.dataset.refresh = 0.1; window.earlier = true; document.activeElement.blur(); document.querySelector('#words').value = ''");
    until("it asks again", || {
        browser.run("return window.earlier === undefined && document.readyState === 'complete'")
            == json!(true)
    });
    assert_eq!(browser.console(), Vec::<String>::new());
    let asked = browser.requests();
    let is_own =
        |url: &String| url.contains(&address) || url.starts_with("data:") || url.starts_with("chrome://");
    assert!(asked.iter().all(is_own) && asked.len() > 1, "{asked:?}");
}

fn is_read_at_any_width(browser: &Browser) {
    for colours in ["light", "dark"] {
        for width in [400, 1280] {
            browser.show(width, if width == 400 { 1800 } else { 1400 }, colours);
            assert_eq!(browser.overhang(), json!(0), "something is wider than the window, by so much");
            browser.photograph(&format!("watch-{colours}-{width}.png"));
            assert_eq!(browser.faint(), json!([]), "{colours} at {width}");
        }
    }
}

fn a_keyboard_is_enough(browser: &Browser) {
    browser.press("/no such thing");
    let shown = || browser.run("return document.querySelector('.filter output').textContent");
    assert!(shown().as_str().unwrap().starts_with("0 of "), "{}", shown());
    let focused = |what: &str| browser.run(&format!("return document.activeElement.matches({what:?})"));
    browser.run("document.querySelector('#words').select()");
    browser.press("team/app");
    let mut pressed = 0;
    while focused("td summary") != Value::Bool(true) {
        assert!(pressed < 30, "no finding is reached");
        browser.press(TAB);
        pressed += 1;
    }
    browser.press(ENTER);
    assert_eq!(browser.run("return document.querySelectorAll('td details[open]').length"), json!(1));
}
