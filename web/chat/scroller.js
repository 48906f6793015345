// Keeps the newest words in view, unless the reader has scrolled away from them.

// So near to the end counts as the end.
const NEAR = 60;

export class Scroller {
  constructor(box, content, button) {
    this.box = box;
    this.button = button;
    this.isFollowing = true;
    let last = 0;
    box.addEventListener('scroll', () => {
      // Only who scrolls up leaves the end; it moves away by itself when words come.
      if (box.scrollTop < last - 2) this.isFollowing = this.distance() < NEAR;
      else if (this.distance() < NEAR) this.isFollowing = true;
      last = box.scrollTop;
      button.hidden = this.isFollowing || this.distance() < 2 * NEAR;
    }, { passive: true });
    button.addEventListener('click', () => { this.isFollowing = true; box.scrollTo({ top: box.scrollHeight, behavior: 'smooth' }); });
    // Turns get their real heights when they come into view.
    new ResizeObserver(() => this.grew()).observe(content);
  }

  distance() {
    return this.box.scrollHeight - this.box.clientHeight - this.box.scrollTop;
  }

  grew() {
    if (this.isFollowing) this.box.scrollTop = this.box.scrollHeight;
  }

  // From now on the end is in view.
  toEnd() {
    this.isFollowing = true;
    this.grew();
  }

  // From now on it stays where it is put.
  leave() {
    this.isFollowing = false;
  }
}
