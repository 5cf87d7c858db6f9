// Search from disk. Browsers start no worker from a file:// page, but load scripts. This stands in for Worker there:
// a hidden frame runs the script, and messages pass between its window and the page. Served pages keep real workers.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.waiting = []
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      document.body.append(this.frame)
      const inside = this.frame.contentWindow
      inside.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }))
      // As in a worker, but a promise: the caller of the search worker waits for it.
      inside.importScripts = (...urls) =>
        urls.reduce((before, each) => before.then(() => this.load(each)), Promise.resolve())
      this.load(url).then(() => {
        const waiting = this.waiting
        this.waiting = null
        waiting.forEach(data => this.postMessage(data))
      }, () => this.dispatchEvent(new ErrorEvent("error")))
    }

    load(url) {
      const inside = this.frame.contentDocument
      const script = inside.createElement("script")
      script.src = new URL(url, location.href).href
      return new Promise((done, failed) => {
        script.onload = done
        script.onerror = failed
        inside.head.append(script)
      })
    }

    postMessage(data) {
      if (this.waiting) return void this.waiting.push(data)
      const inside = this.frame.contentWindow
      inside.dispatchEvent(new inside.MessageEvent("message", { data }))
    }

    terminate() {
      this.frame.remove()
    }
  }
}
