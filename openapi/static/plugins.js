// What the page changes in Swagger UI, through its documented interface for plugins. `h` makes an
// element, as JSX would.

/** Sign in with a form for email and password alone: without a client's credentials and scopes. */
const signIn = (system) => {
  const { React: { createElement: h, useEffect, useRef }, getComponent, authActions } = system;

  const submit = (name, scheme) => (event) => {
    event.preventDefault();
    const { username, password } = Object.fromEntries(new FormData(event.target));
    system.errActions.clear({ authId: name, type: "auth", source: "auth" });
    authActions.authorizeRequest({
      name,
      url: scheme.get("tokenUrl"),
      body: new URLSearchParams({ grant_type: "password", username, password }).toString(),
      // Kept with the token: neither the password nor the address.
      auth: { name, schema: scheme },
    });
  };

  const button = (text, kind, attributes) =>
    h("button", { className: `btn modal-btn auth ${kind}`, ...attributes }, text);
  const close = button("Close", "btn-done", {
    type: "button",
    onClick: () => authActions.showDefinitions(false),
  });

  const SignedIn = ({ name }) =>
    h("div", { className: "auth-container" },
      h("h4", null, "Signed in"),
      h("div", { className: "auth-btn-wrapper" },
        button("Sign out", "", { onClick: () => authActions.logoutWithPersistOption([name]) }),
        close));

  const Form = ({ name, scheme }) => {
    const email = useRef(null);
    // The other forms of the dialog focus their own fields, before this runs.
    useEffect(() => email.current.focus(), []);
    const errors = system.errSelectors.allErrors().filter((error) => error.get("authId") === name);
    const field = (label, attributes) =>
      h("label", null, label, h("input", { type: "text", required: true, ...attributes }));
    return h("form", { className: "auth-container sign-in", onSubmit: submit(name, scheme) },
      field("Email", { name: "username", autoComplete: "username", ref: email }),
      field("Password", { name: "password", autoComplete: "current-password", type: "password" }),
      errors.valueSeq().map((error, key) => h(getComponent("authError"), { error, key })),
      h("div", { className: "auth-btn-wrapper" },
        button("Sign in", "authorize", { type: "submit" }),
        close));
  };

  return {
    wrapComponents: {
      // One for each security scheme of the dialog.
      auths: (Auths) => (props) => {
        const [name, scheme] = props.definitions.entrySeq().first();
        if (scheme.get("flow") !== "password") return h(Auths, props);
        return h(system.authSelectors.authorized().has(name) ? SignedIn : Form, { name, scheme });
      },
    },
    statePlugins: {
      auth: {
        wrapActions: {
          // What survives a reload lies in the browser's storage: no refresh token, which the page
          // doesn't use.
          authorizeOauth2: (original) => ({ auth, token: { access_token, token_type } }) =>
            original({ auth, token: { access_token, token_type } }),
        },
      },
    },
  };
};

/** Show the description of an error, and the rest on demand; successful responses are open. */
const foldErrors = ({ React: { createElement: h, Fragment, useState } }) => {
  const ErrorResponse = ({ Response, ...props }) => {
    const [open, setOpen] = useState(false);
    const response = open ? props.response : props.response.delete("content").delete("headers");
    return h(Fragment, null,
      h(Response, { ...props, response }),
      h("tr", { className: "response-details" },
        h("td"),
        h("td", { colSpan: 2 },
          h("button", { type: "button", "aria-expanded": open, onClick: () => setOpen(!open) },
            "Example and headers"))));
  };
  return {
    wrapComponents: {
      response: (Response) => (props) =>
        /^[45]/.test(props.code) ? h(ErrorResponse, { Response, ...props }) : h(Response, props),
    },
  };
};
