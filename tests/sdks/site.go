// A site with a login of its own, on supertokens-golang and net/http, and a browser's part in front of it.
//
// Arguments: the core's connection URI and the API key. golang-jwt, in the SDK, judges every signature.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/supertokens/supertokens-golang/recipe/session"
	"github.com/supertokens/supertokens-golang/recipe/session/sessmodels"
	"github.com/supertokens/supertokens-golang/supertokens"
)

type object = map[string]interface{}

var tenant = "public"

func site() http.Handler {
	yes := true
	strict := &sessmodels.VerifySessionOptions{CheckDatabase: &yes}
	routes := http.NewServeMux()
	routes.HandleFunc("/login/", func(w http.ResponseWriter, r *http.Request) {
		user := strings.TrimPrefix(r.URL.Path, "/login/")
		made, err := session.CreateNewSession(r, w, tenant, user, object{"role": "admin"}, object{"cart": []int{1}})
		must(err)
		json.NewEncoder(w).Encode(object{"handle": made.GetHandle()})
	})
	me := func(w http.ResponseWriter, r *http.Request) {
		found := session.GetSessionFromRequestContext(r.Context())
		json.NewEncoder(w).Encode(object{"user": found.GetUserID(), "payload": found.GetAccessTokenPayload()})
	}
	routes.HandleFunc("/me", session.VerifySession(nil, me))
	routes.HandleFunc("/checked", session.VerifySession(strict, me))
	routes.HandleFunc("/logout", session.VerifySession(nil, func(w http.ResponseWriter, r *http.Request) {
		must(session.GetSessionFromRequestContext(r.Context()).RevokeSession())
	}))
	return supertokens.Middleware(routes)
}

// A client that keeps its tokens as the front-end SDKs do in header mode.
type browser struct {
	site            http.Handler
	access, refresh string
	handle          string
}

func (b *browser) send(method, path, token string) (int, object) {
	request := httptest.NewRequest(method, path, nil)
	request.Header.Set("st-auth-mode", "header")
	request.Header.Set("rid", "session")
	if token != "" {
		request.Header.Set("authorization", "Bearer "+token)
	}
	reply := httptest.NewRecorder()
	b.site.ServeHTTP(reply, request)
	for name, kept := range map[string]*string{"st-access-token": &b.access, "st-refresh-token": &b.refresh} {
		if values, there := reply.Header()[http.CanonicalHeaderKey(name)]; there {
			*kept = values[0]
		}
	}
	var body object
	json.Unmarshal(reply.Body.Bytes(), &body)
	return reply.Code, body
}

func login(site http.Handler, user string) *browser {
	b := &browser{site: site}
	status, body := b.send("POST", "/login/"+user, "")
	expect(status, 200)
	b.handle = body["handle"].(string)
	return b
}

func (b *browser) get(path string) (int, object) {
	return b.send("GET", path, b.access)
}

func (b *browser) renew() int {
	status, _ := b.send("POST", "/auth/session/refresh", b.refresh)
	return status
}

func (b *browser) role(path string) interface{} {
	_, body := b.get(path)
	return body["payload"].(object)["role"]
}

func loginVerifyAndRefresh(site http.Handler) {
	b := login(site, "ada")
	expect(b.role("/me"), "admin")
	expect(b.renew(), 200)
	child := b.access
	_, body := b.get("/me")
	expect(body["user"], "ada")
	expect(b.access != child, true)
}

func theftIsSeenAndEndsTheSession(site http.Handler) {
	b := login(site, "eve")
	thief := *b
	for range [2]int{} {
		expect(b.renew(), 200)
		status, _ := b.get("/me")
		expect(status, 200)
	}
	expect(thief.renew(), 401)
	found, err := session.GetSessionInformation(b.handle)
	must(err)
	expect(found == nil, true)
}

func signOutListAndRevoke(site http.Handler) {
	user := fmt.Sprintf("gus-%d", time.Now().UnixNano())
	var handles []string
	for range [3]int{} {
		handles = append(handles, login(site, user).handle)
	}
	listed, err := session.GetAllSessionHandlesForUser(user, &tenant)
	must(err)
	sort.Strings(handles)
	sort.Strings(listed)
	expect(listed, handles)
	for _, first := range []bool{true, false} {
		done, err := session.RevokeSession(handles[0])
		must(err)
		expect(done, first)
	}
	revoked, err := session.RevokeAllSessionsForUser(user, &tenant)
	must(err)
	expect(len(revoked), 2)
	b := login(site, user)
	status, _ := b.send("POST", "/logout", b.access)
	expect(status, 200)
	listed, err = session.GetAllSessionHandlesForUser(user, &tenant)
	must(err)
	expect(len(listed), 0)
}

func dataAndPayloadByHandle(site http.Handler) {
	b := login(site, "hal")
	done, err := session.UpdateSessionDataInDatabase(b.handle, object{"cart": []interface{}{2.0, nil}})
	must(err)
	expect(done, true)
	done, err = session.MergeIntoAccessTokenPayload(b.handle, object{"role": "user"})
	must(err)
	expect(done, true)
	found, err := session.GetSessionInformation(b.handle)
	must(err)
	expect(found.SessionDataInDatabase, object{"cart": []interface{}{2.0, nil}})
	expect(b.role("/me"), "admin")
	expect(b.role("/checked"), "user")
	expect(b.role("/me"), "user")
}

func must(err error) {
	if err != nil {
		log.Panic(err)
	}
}

func expect(got, wanted interface{}) {
	if !reflect.DeepEqual(got, wanted) {
		log.Panicf("%v, not %v", got, wanted)
	}
}

func main() {
	none := "NONE"
	header := func(*http.Request, bool, supertokens.UserContext) sessmodels.TokenTransferMethod {
		return sessmodels.HeaderTransferMethod
	}
	must(supertokens.Init(supertokens.TypeInput{
		Supertokens: &supertokens.ConnectionInfo{ConnectionURI: os.Args[1], APIKey: os.Args[2]},
		AppInfo: supertokens.AppInfo{
			AppName: "site", APIDomain: "http://127.0.0.1", WebsiteDomain: "http://127.0.0.1",
		},
		RecipeList: []supertokens.Recipe{
			session.Init(&sessmodels.TypeInput{GetTokenTransferMethod: header, AntiCsrf: &none}),
		},
	}))
	here := site()
	loginVerifyAndRefresh(here)
	theftIsSeenAndEndsTheSession(here)
	signOutListAndRevoke(here)
	dataAndPayloadByHandle(here)
}
