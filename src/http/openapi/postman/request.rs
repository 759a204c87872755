//! One request of the collection, and what is expected of its answer.

use serde_json::{Value, json};

pub(super) const FHIR_JSON: &str = "application/fhir+json";
pub(super) const JSON: &str = "application/json";

/// A request in the making. Each says by [`Request::answers`] or [`Request::refused`] what has to come back.
pub(super) struct Request {
    name: String,
    method: &'static str,
    path: String,
    query: Vec<Value>,
    user: Option<String>,
    headers: Vec<(String, String)>,
    body: Option<Value>,
    text: String,
    before: Vec<String>,
    after: Vec<String>,
}

/// A request of `path` below the root, its variables written `{{name}}`. With a token only [`Request::by`] somebody.
pub(super) fn request(method: &'static str, name: &str, path: &str) -> Request {
    Request {
        name: name.to_owned(),
        method,
        path: path.to_owned(),
        query: Vec::new(),
        user: None,
        headers: Vec::new(),
        body: None,
        text: String::new(),
        before: Vec::new(),
        after: Vec::new(),
    }
}

pub(super) fn get(name: &str, path: &str) -> Request {
    request("GET", name, path)
}

pub(super) fn post(name: &str, path: &str) -> Request {
    request("POST", name, path)
}

pub(super) fn put(name: &str, path: &str) -> Request {
    request("PUT", name, path)
}

impl Request {
    /// With the token of one of the cast.
    pub(super) fn by(mut self, user: &str) -> Self {
        self.user = Some(user.replace('-', "_"));
        self
    }

    /// What a reader should know before pressing Send.
    pub(super) fn told(mut self, text: &str) -> Self {
        text.clone_into(&mut self.text);
        self
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A parameter of the address.
    pub(super) fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push(json!({ "key": name, "value": value }));
        self
    }

    /// A parameter that is there to be ticked.
    pub(super) fn offered(mut self, name: &str, text: &Value) -> Self {
        self.query.push(json!({ "key": name, "value": "", "description": text, "disabled": true }));
        self
    }

    /// Fields of a form.
    pub(super) fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let fields: Vec<Value> =
            fields.iter().map(|(key, value)| json!({ "key": key, "value": value, "type": "text" })).collect();
        self.body = Some(json!({ "mode": "urlencoded", "urlencoded": fields }));
        self
    }

    /// A body as it stands, or as a variable has it.
    pub(super) fn raw(mut self, media: &str, text: &str) -> Self {
        let language = if media.ends_with("json") { "json" } else { "text" };
        self.body = Some(json!({ "mode": "raw", "raw": text, "options": { "raw": { "language": language } } }));
        self.header("Content-Type", media)
    }

    pub(super) fn fhir(self, resource: &Value) -> Self {
        self.raw(FHIR_JSON, &format!("{resource:#}"))
    }

    pub(super) fn json(self, body: &Value) -> Self {
        self.raw(JSON, &format!("{body:#}"))
    }

    /// A script before it is sent.
    pub(super) fn before(mut self, script: &str) -> Self {
        self.before.extend(script.lines().map(str::to_owned));
        self
    }

    /// The status, and the media type unless that is empty.
    pub(super) fn answers(mut self, status: u16, media: &str) -> Self {
        self.after.push(format!("pm.test('{status}', () => pm.response.to.have.status({status}));"));
        self.typed(media)
    }

    fn typed(mut self, media: &str) -> Self {
        self.after.push(if media.is_empty() {
            "pm.test('without a body', () => pm.expect(pm.response.text()).to.eql(''));".to_owned()
        } else {
            format!(
                "pm.test('{media}', () => pm.expect(pm.response.headers.get('Content-Type').split(';')[0]).to.eql('{media}'));"
            )
        });
        if media.ends_with("json") {
            self.after.push("const body = pm.response.json();".to_owned());
        }
        self
    }

    /// A resource of this type.
    pub(super) fn resource(self, status: u16, name: &str) -> Self {
        self.answers(status, FHIR_JSON)
            .check(&format!("a resource of type {name}"), &format!("pm.expect(body.resourceType).to.eql('{name}')"))
    }

    /// A searchset whose matches are of this type.
    pub(super) fn searchset(self, name: &str) -> Self {
        let of_type = "const matches = (body.entry || []).filter(e => e.search.mode === 'match');";
        let mut request = self
            .resource(200, "Bundle")
            .check("a searchset", "pm.expect(body.type).to.eql('searchset')")
            .check("its self link names no patient by number", "pm.expect(body.link[0].url).not.to.match(/999\\d{7}/)");
        request.after.push(of_type.to_owned());
        request.check(
            &format!("matches of type {name}"),
            &format!("matches.forEach(e => pm.expect(e.resource.resourceType).to.eql('{name}'))"),
        )
    }

    /// Plain JSON that has these members.
    pub(super) fn shape(self, status: u16, members: &[&str]) -> Self {
        let request = self.answers(status, JSON);
        members.iter().fold(request, |request, member| {
            request.check(&format!("has {member}"), &format!("pm.expect(body).to.have.property('{member}')"))
        })
    }

    /// An OperationOutcome with this status and exactly these coded reasons.
    pub(super) fn refused(self, status: u16, reasons: &[&str]) -> Self {
        self.refused_one_of(&[(status, reasons)])
    }

    /// The same where the state of the service decides which of several it is.
    pub(super) fn refused_one_of(mut self, refusals: &[(u16, &[&str])]) -> Self {
        let told: Vec<String> =
            refusals.iter().map(|(status, reasons)| format!("{status} {}", reasons.join(" "))).collect();
        let mut request = if let [(status, _)] = refusals {
            self.answers(*status, FHIR_JSON)
        } else {
            let statuses: std::collections::BTreeSet<u16> = refusals.iter().map(|(status, _)| *status).collect();
            let statuses = json!(statuses);
            self.after.push(format!(
                "pm.test('one of {statuses}', () => pm.expect(pm.response.code).to.be.oneOf({statuses}));"
            ));
            self.typed(FHIR_JSON)
        };
        request.after.push(
            "const told = pm.response.code + ' ' + body.issue[0].details.coding.filter(c => c.system === 'urn:x-mig-fhir:CodeSystem:refusal').map(c => c.code).join(' ');"
                .to_owned(),
        );
        request
            .check("an OperationOutcome", "pm.expect(body.resourceType).to.eql('OperationOutcome')")
            .check(
                &format!("refused: {}", told.join(", or ")),
                &format!("pm.expect(told).to.be.oneOf({})", json!(told)),
            )
            .check("no NHS number in it", "pm.expect(pm.response.text()).not.to.match(/\\b999\\d{7}\\b/)")
    }

    /// The element or parameter that a refusal is about.
    pub(super) fn about(self, expression: &str) -> Self {
        self.check(
            &format!("about {expression}"),
            &format!("pm.expect(body.issue[0].expression).to.include('{expression}')"),
        )
    }

    /// A test: its sentence, and a statement that throws where it does not hold.
    pub(super) fn check(self, sentence: &str, statement: &str) -> Self {
        self.then(&format!("pm.test('{sentence}', () => {{ {statement}; }});"))
    }

    /// Any line of the script that runs on the answer.
    pub(super) fn then(mut self, line: &str) -> Self {
        self.after.push(line.to_owned());
        self
    }

    /// A collection variable from the answer, for the requests that follow.
    pub(super) fn keep(self, variable: &str, expression: &str) -> Self {
        self.then(&format!("pm.collectionVariables.set('{variable}', {expression});"))
    }

    /// The ETag, for an `If-Match`.
    pub(super) fn keep_etag(self, variable: &str) -> Self {
        self.check("an ETag", "pm.expect(pm.response.headers.get('ETag')).to.match(/^W\\/\"\\d+\"$/)")
            .keep(variable, "pm.response.headers.get('ETag')")
    }

    pub(super) fn item(self) -> Value {
        let has_accept = self.headers.iter().any(|(name, _)| name == "Accept");
        let plain = ["/admin/", "/demo/", "/health/", "/openapi.json"].iter().any(|start| self.path.starts_with(start));
        let accept = (!has_accept).then(|| ("Accept".to_owned(), if plain { JSON } else { FHIR_JSON }.to_owned()));
        let headers: Vec<Value> =
            accept.into_iter().chain(self.headers).map(|(key, value)| json!({ "key": key, "value": value })).collect();
        let auth = match self.user {
            Some(user) => json!({ "type": "bearer", "bearer": [
                { "key": "token", "value": format!("{{{{token_{user}}}}}"), "type": "string" }] }),
            None => json!({ "type": "noauth" }),
        };
        let mut request =
            json!({ "method": self.method, "header": headers, "url": url(&self.path, &self.query), "auth": auth });
        if !self.text.is_empty() {
            request["description"] = self.text.into();
        }
        if let Some(body) = self.body {
            request["body"] = body;
        }
        let script = |listen: &str, lines: Vec<String>| json!({ "listen": listen, "script": { "type": "text/javascript", "exec": lines } });
        let mut events = Vec::new();
        if !self.before.is_empty() {
            events.push(script("prerequest", self.before));
        }
        events.push(script("test", self.after));
        json!({ "name": self.name, "event": events, "request": request })
    }
}

/// An address in parts, as Postman shows it. One that begins with a variable is a whole address.
fn url(path: &str, query: &[Value]) -> Value {
    if path.starts_with("{{") {
        return json!({ "raw": path, "host": [path] });
    }
    let sent: Vec<String> = query
        .iter()
        .filter(|one| one["disabled"] != true)
        .map(|one| format!("{}={}", one["key"].as_str().unwrap_or_default(), one["value"].as_str().unwrap_or_default()))
        .collect();
    let asked = if sent.is_empty() { String::new() } else { format!("?{}", sent.join("&")) };
    let steps: Vec<&str> = path.split('/').skip(1).collect();
    let mut url = json!({ "raw": format!("{{{{root}}}}{path}{asked}"), "host": ["{{root}}"], "path": steps });
    if !query.is_empty() {
        url["query"] = query.into();
    }
    url
}
