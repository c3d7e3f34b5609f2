//! One window of a browser: what it shows, what is clicked, what scripts in it can do.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use fantoccini::{Client, Locator, wd::WindowHandle};
use serde_json::Value;

/// Long enough for a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(40);

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(40);

/// A window.
pub struct Page {
    client: Client,
    window: WindowHandle,
}

impl Page {
    pub(crate) fn new(client: Client, window: WindowHandle) -> Self {
        Self { client, window }
    }

    async fn enter(&self) {
        let entered = self.client.switch_to_window(self.window.clone()).await;
        entered.expect("the window is there");
    }

    /// Clicks what this CSS selector finds, as soon as it can be clicked.
    pub async fn click(&self, selector: &str) {
        self.enter().await;
        self.until(&format!(
            "document.querySelector({selector:?})?.checkVisibility()"
        ))
        .await;
        let element = self.client.find(Locator::Css(selector)).await;
        element
            .expect("it is there")
            .click()
            .await
            .expect("it can be clicked");
    }

    /// Clicks what this CSS selector finds, where no script can be asked whether it is there yet.
    pub async fn press(&self, selector: &str) {
        self.element(selector)
            .await
            .click()
            .await
            .expect("it can be clicked");
    }

    /// Types into what a selector finds.
    pub async fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        element.send_keys(text).await.expect("it takes text");
    }

    /// The text of what a selector finds, as the driver reads it.
    pub async fn element_text(&self, selector: &str) -> String {
        let element = self.element(selector).await;
        element.text().await.expect("it has a text")
    }

    /// Waits until what a selector finds has this text, as the driver reads it: a page that was asked for may be on its way.
    pub async fn element_shows(&self, selector: &str, text: &str) {
        self.enter().await;
        let end = Instant::now() + PATIENCE;
        loop {
            let found = match self.client.find(Locator::Css(selector)).await {
                Ok(element) => element.text().await.ok(),
                Err(_) => None,
            };
            if found.as_deref() == Some(text) {
                return;
            }
            assert!(
                Instant::now() < end,
                "{selector} is {found:?}, not {text:?}"
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn element(&self, selector: &str) -> fantoccini::elements::Element {
        self.enter().await;
        let found = self
            .client
            .wait()
            .at_most(PATIENCE)
            .for_element(Locator::Css(selector));
        found.await.expect("it is there")
    }

    /// Clicks, and gives the window that opens.
    pub async fn click_for_window(&self, selector: &str) -> Self {
        self.enter().await;
        let before = self.client.windows().await.expect("windows are listed");
        self.click(selector).await;
        let end = Instant::now() + PATIENCE;
        loop {
            let now = self.client.windows().await.expect("windows are listed");
            if let Some(window) = now.into_iter().find(|window| !before.contains(window)) {
                return Self::new(self.client.clone(), window);
            }
            assert!(Instant::now() < end, "no window opened");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// All windows of its browser.
    pub async fn windows(&self) -> Vec<Self> {
        let windows = self.client.windows().await.expect("windows are listed");
        let page = |window| Self::new(self.client.clone(), window);
        windows.into_iter().map(page).collect()
    }

    /// Goes to an address.
    pub async fn goto(&self, url: &str) {
        self.enter().await;
        self.client.goto(url).await.expect("the page loads");
    }

    /// Runs a script's body, and gives what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.enter().await;
        let result = self.client.execute(script, Vec::new()).await;
        result.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Runs the body of an asynchronous function, and gives what its promise resolves to.
    pub async fn run_async(&self, script: &str) -> Value {
        self.enter().await;
        let wrapped = format!(
            "const done = arguments[arguments.length - 1];\
             (async () => {{ {script} }})().then(done, (error) => done({{ error: String(error) }}));"
        );
        let result = self.client.execute_async(&wrapped, Vec::new()).await;
        result.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until an expression is true.
    pub async fn until(&self, expression: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            // A page that is just being left has no script to ask.
            self.enter().await;
            let script = format!("return Boolean({expression})");
            let result = self.client.execute(&script, Vec::new()).await;
            if matches!(result, Ok(Value::Bool(true))) {
                return;
            }
            if Instant::now() >= end {
                panic!(
                    "not within {PATIENCE:?}: {expression} ({result:?}); the page says:\n{}",
                    self.everything().await
                );
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until the page shows a text.
    pub async fn shows(&self, text: &str) {
        self.until(&format!("document.body?.innerText.includes({text:?})"))
            .await;
    }

    /// The text of what a selector finds.
    pub async fn text(&self, selector: &str) -> String {
        let text = self
            .run(&format!(
                "return document.querySelector({selector:?}).innerText"
            ))
            .await;
        text.as_str().unwrap_or_default().to_owned()
    }

    async fn everything(&self) -> String {
        let text = self
            .client
            .execute(
                "return location.href + '\\n' + document.body.innerText",
                Vec::new(),
            )
            .await;
        text.map_or_else(
            |error| error.to_string(),
            |text| text.as_str().unwrap_or_default().to_owned(),
        )
    }

    /// The cookies that the browser would send to this page's address, `HttpOnly` ones included.
    pub async fn cookies(&self) -> Vec<fantoccini::cookies::Cookie<'static>> {
        self.enter().await;
        self.client
            .get_all_cookies()
            .await
            .expect("cookies are listed")
    }

    /// Whether one of [`Self::cookies`] has this name.
    pub async fn holds_cookie(&self, name: &str) -> bool {
        let cookies = self.cookies().await;
        cookies.iter().any(|cookie| cookie.name() == name)
    }

    /// Waits until it has.
    pub async fn gets_cookie(&self, name: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.holds_cookie(name).await {
            assert!(Instant::now() < end, "there is no cookie {name}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Makes the page so many CSS pixels wide and high.
    pub async fn resize(&self, width: u32, height: u32) {
        self.enter().await;
        // What the window needs besides.
        let frame = self.run("return outerHeight - innerHeight").await;
        let frame = frame.as_u64().and_then(|frame| u32::try_from(frame).ok());
        let height_of_window = height + frame.unwrap_or_default();
        let resized = self.client.set_window_size(width, height_of_window).await;
        resized.expect("the window has a size");
        self.until(&format!(
            "innerWidth === {width} && innerHeight === {height}"
        ))
        .await;
    }

    /// Takes a picture of the window, as a PNG file.
    pub async fn photograph(&self, file: &Path) {
        self.enter().await;
        let png = self.client.screenshot().await.expect("a picture is taken");
        std::fs::write(file, png).expect("the picture is written");
    }

    /// The driver's own commands.
    pub fn client(&self) -> &Client {
        &self.client
    }
}
